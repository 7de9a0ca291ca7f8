"""Audits image folders for problems that would spoil a training run."""
