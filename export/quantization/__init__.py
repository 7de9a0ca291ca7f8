"""Exports in 8-bit integers, which are kept only if they lose almost nothing."""
