"""Readers of data sets: one module a layout, all giving `Sequence`s."""
