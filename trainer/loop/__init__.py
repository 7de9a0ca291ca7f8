"""The training loop: the host code between calls to the devices."""
