"""A file for each check, with `measure(settings)`, which runs in a process of its own."""
