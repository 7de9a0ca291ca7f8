"""Image files: opened, decoded the same way everywhere, and remembered."""
