"""One module per check; its `measure(settings)` runs in a process of its own."""
