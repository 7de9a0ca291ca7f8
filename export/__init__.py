"""A trained model as others use it: written, compared with the model, and described."""
