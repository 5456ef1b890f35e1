"""Trainer: configs completed, hooks, checkpoints, run."""
