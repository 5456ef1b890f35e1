"""Parametrised tables name their cases, so that a failure says which case it is."""

import ast
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
LONGEST = 40  # characters that are a name by themselves


def unnamed(source):
    """Lines of tables without ids whose cases are more than one short plain value each."""
    calls = (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call))
    tables = [call for call in calls if isinstance(call.func, ast.Attribute) and call.func.attr == "parametrize"]
    return [
        table.lineno
        for table in tables
        if not any(word.arg == "ids" for word in table.keywords)
        and isinstance(table.args[1], ast.List | ast.Tuple)
        and not all(is_named(case) for case in table.args[1].elts)
    ]


def is_named(case):
    if isinstance(case, ast.Call) and getattr(case.func, "attr", "") == "param":
        return any(word.arg == "id" for word in case.keywords)
    case = case.operand if isinstance(case, ast.UnaryOp) else case
    return isinstance(case, ast.Constant) and 0 < len(str(case.value)) <= LONGEST and str(case.value).isprintable()


def test_every_table_names_its_cases():
    unnamed_tables = {str(path.relative_to(TESTS)): unnamed(path.read_text()) for path in TESTS.rglob("test_*.py")}
    assert {path: lines for path, lines in unnamed_tables.items() if lines} == {}


@pytest.mark.parametrize(
    ("table", "is_unnamed"),
    [
        pytest.param('"x", ["walk", 3, None, -1.5]', False, id="plain values"),
        pytest.param('"x", NAMES', False, id="a list elsewhere"),
        pytest.param('"x", [[], {}], ids=["list", "dictionary"]', False, id="ids"),
        pytest.param('"x", [pytest.param([], id="list")]', False, id="an id each"),
        pytest.param('"x", [[], {}]', True, id="values without a name"),
        pytest.param('("x", "y"), [(1, 2)]', True, id="two columns"),
        pytest.param('"x", [""]', True, id="an empty text"),
    ],
)
def test_a_table_without_names_is_told(table, is_unnamed):
    assert bool(unnamed(f"@pytest.mark.parametrize({table})\ndef test_x(x): ...")) == is_unnamed
