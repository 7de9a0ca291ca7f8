"""Decodes images within a TensorFlow graph, as `data/files/decode.py` does outside."""
