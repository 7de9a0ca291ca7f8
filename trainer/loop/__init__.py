"""Between steps: what runs on the host."""
