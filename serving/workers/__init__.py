"""Worker processes with the model, and the queue of their jobs."""
