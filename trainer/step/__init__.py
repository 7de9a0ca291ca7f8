"""One step: what is traced and runs on the devices."""
