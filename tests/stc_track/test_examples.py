"""The examples in the docstrings say what happens."""

import doctest
import importlib

import pytest


@pytest.mark.parametrize("name", ["tracker", "matching", "disjoint", "formats.rle", "formats.errors"])
def test_examples(name):
    found = doctest.testmod(importlib.import_module(f"stc_track.{name}"))
    assert found.attempted
    assert not found.failed
