"""A file for each check, with `measure(settings)`, which runs in its own process."""
