"""Checks before the first step whether results depend on replicas or on XLA."""
