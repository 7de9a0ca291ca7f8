"""A model that is called over HTTP."""
