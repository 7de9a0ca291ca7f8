"""Executors of trials: in this process or in worker processes."""
