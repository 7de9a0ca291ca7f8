"""Checks of arguments and data that raise errors with advice."""
