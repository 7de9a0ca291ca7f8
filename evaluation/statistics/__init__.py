"""Intervals, ranks and shares: what all parts of an evaluation count with."""
