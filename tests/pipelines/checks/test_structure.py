"""Counts of the layout, on a small package, and the layout's own bars."""

from pathlib import Path

import grimp
import pytest

from pipelines.checks.structure import PACKAGES, Structure, flags_in_texts, library_files, structure

ROOT = Path(__file__).parents[3]
FILES = {
    "__init__": "",
    "top": "from drawn import left, right",
    "left": "from drawn.ground import stone",
    "right": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from drawn import top",
    "ground/__init__": "",
    "ground/stone": "from drawn.ground import sand",  # within a room
    "ground/sand": "",
    "ring": "from drawn import round",
    "round": "from drawn import ring",
}


def test_what_is_counted(tmp_path, monkeypatch):
    for name, text in FILES.items():
        path = tmp_path / "drawn" / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    graph = grimp.build_graph("drawn", exclude_type_checking_imports=True, cache_dir=None)
    assert structure(graph, "drawn") == Structure(rooms=6, arrows=5, floors=3, circles=1)


def test_a_flag_in_a_text_is_found(tmp_path):
    path = tmp_path / "a.py"
    path.write_text(
        '"""Of `--a`."""\n\nHINT = "--root names it"\nOTHER = f"`stc-eval {HINT} --truth DIR` measures it"\n'
    )
    assert flags_in_texts(path) == ["a.py:3: --root names it"]


@pytest.fixture(scope="module")
def graph():
    return grimp.build_graph(*PACKAGES, exclude_type_checking_imports=True, cache_dir=None)


@pytest.mark.parametrize("package", PACKAGES)
def test_no_package_has_a_circle_or_a_flat_floor(package, graph):
    counts = structure(graph, package)
    assert counts.circles == 0
    assert counts.rooms <= 18
    assert counts.floors <= 7


def test_library_code_names_no_flags():
    assert [text for path in library_files(ROOT) for text in flags_in_texts(path)] == []
