"""Looks through image folders for what would spoil a training run."""
