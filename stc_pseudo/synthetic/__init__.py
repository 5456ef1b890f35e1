"""Synthetic driving video with exact depth, flow, masks and tracks, ray-cast in NumPy (design, section 7)."""

from stc_pseudo.synthetic.write import render_dataset

__all__ = ["render_dataset"]
