"""The state of a run: captured, saved, found and restored."""
