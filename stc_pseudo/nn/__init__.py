"""Weights, devices and precision of networks."""
