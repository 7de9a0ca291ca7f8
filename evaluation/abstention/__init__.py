"""Prediction sets with a given coverage, and the accuracy gained by abstaining."""
