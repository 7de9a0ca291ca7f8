"""The page at `/`: an image in, and what the model says of it in words."""
