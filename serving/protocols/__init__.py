"""Requests and responses of the protocols, as pure functions of bytes."""
