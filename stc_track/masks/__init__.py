"""Masks as run-length codes: overlap, outlines, disjointness."""
