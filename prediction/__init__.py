"""Many images through a model: read, predicted in batches, written, and forgotten."""
