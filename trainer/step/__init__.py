"""Traced steps that run on the devices."""
