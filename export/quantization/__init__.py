"""Exports quantized to 8-bit integers, kept only if they lose almost no accuracy."""
