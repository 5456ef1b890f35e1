"""Training loop, sampling and resuming that depth and flow share."""
