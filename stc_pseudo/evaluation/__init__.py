"""Pseudo-masks beside true masks."""
