"""Weights that come with the package: a small segmenter that learnt from boxes of rendered street scenes."""

from pathlib import Path

SEGMENTER = Path(__file__).with_name("demo_condinst.pth")
CLASSES = {1: "car", 2: "pedestrian"}
