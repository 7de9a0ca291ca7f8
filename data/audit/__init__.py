"""Audits data sets for problems that would stop or invalidate a run."""
