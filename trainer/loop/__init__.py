"""The training loop on the host, between steps."""
