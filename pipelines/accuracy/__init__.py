"""Measurements against truth."""
