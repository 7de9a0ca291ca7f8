"""The command line: one module per command, and the objects built from a configuration."""
