"""Parity, fuzzing and corrupted files."""
