"""Exports trained models to other formats, compares them with the model, describes them."""
