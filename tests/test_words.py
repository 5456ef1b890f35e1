"""Code and documents use the field's words: retired terms do not come back."""

import re
from pathlib import Path

import pytest

from pipelines.checks.words import RETIRED, occurrences, tracked_texts


@pytest.fixture(scope="module")
def texts():
    return tracked_texts(Path(__file__).parents[1])


@pytest.mark.parametrize("pattern", RETIRED, ids=lambda pattern: re.sub(r"\\b|\(.*?\)|[|(?].*", "", pattern))
def test_retired_terms_stay_away(pattern, texts):
    assert list(occurrences(pattern, texts)) == [], f"say: {RETIRED[pattern]}"


def test_a_retired_term_is_found():
    assert list(occurrences(r"\bshall\b", {"page.md": "It shall be.\nMarshall"})) == ["page.md:1: It shall be."]
    assert list(occurrences(r"\bItem\b", {"a.py": "item\nItem"})) == ["a.py:2: Item"]
