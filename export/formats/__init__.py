"""The formats in which a model is exported."""
