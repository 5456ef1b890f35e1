"""Heads, losses and model files."""
