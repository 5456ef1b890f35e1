"""One module a subcommand of `stc-pseudo`."""
