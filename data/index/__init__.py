"""From folders and tables to the index of a run: one row per image, checked and split."""
