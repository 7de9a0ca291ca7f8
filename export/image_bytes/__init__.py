"""Decodes images within a TensorFlow graph, like `data/files/decode.py`."""
