"""The examples in the docstrings say what happens."""

import doctest
import importlib
import pkgutil

import pytest

import stc_track

MODULES = sorted(module.name for module in pkgutil.walk_packages(stc_track.__path__, "stc_track."))
WITH_EXAMPLES = [
    name
    for name in MODULES
    if any(test.examples for test in doctest.DocTestFinder().find(importlib.import_module(name)))
]


def test_examples_are_found():
    assert len(WITH_EXAMPLES) >= 11


@pytest.mark.parametrize("name", WITH_EXAMPLES)
def test_examples(name):
    assert not doctest.testmod(importlib.import_module(name)).failed
