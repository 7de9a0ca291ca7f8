"""Trials on several machines: a chief hands them out, workers ask for them."""
