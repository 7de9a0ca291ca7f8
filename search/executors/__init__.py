"""Where trials run: in this process, in workers, or on other machines."""
