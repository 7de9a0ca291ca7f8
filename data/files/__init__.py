"""Opens and decodes image files, and caches the results."""
