"""Pseudo-masks in formats of others."""
