"""Sets of classes with a stated coverage, and what abstaining gains."""
