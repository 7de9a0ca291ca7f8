"""Errors that say what to do instead."""
