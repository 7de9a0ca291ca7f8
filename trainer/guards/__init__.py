"""Errors that explain what to do instead."""
