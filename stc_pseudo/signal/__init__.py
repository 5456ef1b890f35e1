"""Similarity signals and their fusion (III-B1)."""
