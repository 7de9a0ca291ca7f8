"""The page at `/`: it shows the prediction for an image in plain words."""
