"""Methods of others to measure beside."""
