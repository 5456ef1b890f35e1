"""The store of pseudo-labels (Zarr)."""
