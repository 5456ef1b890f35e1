"""Sources of optical flow: UPFlow, DIS, files."""
