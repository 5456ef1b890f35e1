"""The commands `stc-track`, `stc-convert`, `stc-video` and `stc-eval`."""
