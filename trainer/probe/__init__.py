"""Finds what depends on how a batch is cut, before the first step."""
