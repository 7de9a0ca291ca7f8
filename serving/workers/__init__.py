"""Processes that own the model, and the queue from which they are fed."""
