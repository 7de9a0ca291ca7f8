"""Parses requests and formats responses of the protocols, as pure functions of bytes."""
