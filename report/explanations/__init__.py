"""Class activation maps, and images that must not be missed."""
