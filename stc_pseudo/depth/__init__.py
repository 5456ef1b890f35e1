"""Sources of inverse depth: Monodepth2, stereo matching, files."""
