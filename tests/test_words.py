"""Code and documents use the field's words: retired terms do not come back."""

import ast
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


def variables(source):
    """Names that a module's code gives to values."""
    nodes = ast.walk(ast.parse(source))
    return {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}


def test_variables_say_what_they_hold(texts):
    suspects = {
        path: text for path, text in texts.items() if path.endswith(".py") and re.search(r"for .*\beach\b", text)
    }
    assert [path for path, text in suspects.items() if "each" in variables(text)] == []


def test_a_variable_of_a_retired_name_is_found():
    assert variables("for each in range(3): print([k for k in each])") == {"each", "k"}
