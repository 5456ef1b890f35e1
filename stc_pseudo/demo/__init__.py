"""Synthetic driving video that knows its own depth, flow, masks and tracks."""
