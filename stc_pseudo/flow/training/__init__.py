"""Unsupervised training of UPFlow."""
