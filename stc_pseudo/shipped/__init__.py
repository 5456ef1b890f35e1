"""Weights that come with the package: small networks that learnt from rendered street scenes."""

from pathlib import Path

DEPTH = Path(__file__).with_name("demo_monodepth2.pth")
FLOW = Path(__file__).with_name("demo_upflow.pth")
