"""Drawn images of lesions, for trying things out where no data set is at hand."""
