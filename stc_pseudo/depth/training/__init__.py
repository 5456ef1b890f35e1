"""Self-supervised training of Monodepth2."""
