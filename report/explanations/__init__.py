"""What a model looks at, and every image that must not be missed."""
