"""Boxes and video to pseudo-masks: depth and flow, similarity, fusion, puzzle pieces, and their Zarr store."""
