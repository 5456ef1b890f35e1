"""The commands `stc-train` and `stc-predict`."""
