"""The page at `/`, which shows the prediction for an image in plain words."""
