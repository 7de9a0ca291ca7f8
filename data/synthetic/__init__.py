"""Generates images of lesions, to try Keraunos without a data set."""
