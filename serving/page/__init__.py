"""The page on which images are asked about."""
