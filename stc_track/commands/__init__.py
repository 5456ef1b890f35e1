"""The commands `stc-track` and `stc-eval`."""
