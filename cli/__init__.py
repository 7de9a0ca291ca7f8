"""The command line: a file a command. Builds objects from a configuration."""
