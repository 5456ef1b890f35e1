"""From the store to training samples."""
