"""Statistics shared by all parts of an evaluation: intervals, ranks and proportions."""
