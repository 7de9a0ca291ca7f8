"""Captures, saves, finds and restores the state of a run."""
