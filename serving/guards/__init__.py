"""Middleware between the network and the routes that limits time, size and access."""
