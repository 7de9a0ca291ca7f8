"""Predicts any number of images as a stream: read, predict in batches, write, discard."""
