"""Configs of version 0.1 name `stc_train.parts`."""

import importlib

import pytest


def test_the_former_name_says_the_new_one_and_serves():
    with pytest.warns(FutureWarning, match=r"stc_train\.registry"):
        parts = importlib.import_module("stc_train.parts")
    assert parts.MODELS.scope == "stc_train"
