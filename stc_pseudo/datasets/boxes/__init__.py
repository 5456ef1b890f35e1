"""Box files of other tools."""
