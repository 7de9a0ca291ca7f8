"""Routes of the protocols, and of health and readiness."""
