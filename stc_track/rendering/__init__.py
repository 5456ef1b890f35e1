"""Masks, ids and paths drawn on frames."""
