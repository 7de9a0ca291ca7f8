"""Comparisons and ensembles of models on the same images."""
