"""How the packages are put together, counted: what `docs` and closing notes say of the layout.

A room is a package's direct child, a module or a folder; an arrow an import between two rooms of a package; floors are
the rooms of the longest chain of arrows; a circle is a set of rooms that import one another. Imports for type checking
alone do not count. Then what should be 0: retired terms, settings named as flags outside commands, long files.

    python -m pipelines.checks.structure [--root CHECKOUT]
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from dataclasses import astuple, dataclass
from pathlib import Path

import click
import grimp
import numpy as np
from scipy.sparse.csgraph import connected_components

from pipelines.checks.words import retired_terms
from stc_track.io.console import Command
from stc_track.io.options import PATH

ROOT = Path(__file__).parents[2]
PACKAGES = ("stc_track", "stc_pseudo", "stc_train", "pipelines")
LIBRARIES = PACKAGES[:3]
# What defines the flags of commands, beside the folders `commands`.
DEFINES_FLAGS = {"cli.py", "config_option.py", "console.py", "options.py", "preset_option.py"}
FLAG = re.compile(r"(?<![\w-])--[a-z][a-z0-9-]*")
CALLED = re.compile(r"`stc-[^`]*`?")  # a command as it is typed
MOST_LINES = 350


@dataclass(frozen=True)
class Structure:
    """Counts of one package."""

    rooms: int
    arrows: int
    floors: int
    circles: int


def structure(graph: grimp.ImportGraph, package: str) -> Structure:
    """Count a package's rooms and what is between them."""
    rooms = sorted(graph.find_children(package))
    imports = np.zeros((len(rooms), len(rooms)), bool)
    for row, importer in enumerate(rooms):
        for column, imported in enumerate(rooms):
            imports[row, column] = row != column and graph.direct_import_exists(
                importer=importer, imported=imported, as_packages=True
            )
    count, circle = connected_components(imports, connection="strong")
    height = np.ones(count, int)
    for _ in range(count):
        for row, column in zip(*np.nonzero(imports), strict=True):
            if circle[row] != circle[column]:
                height[circle[row]] = max(height[circle[row]], height[circle[column]] + 1)
    circles = np.count_nonzero(np.bincount(circle) > 1)
    return Structure(len(rooms), int(imports.sum()), int(height.max()), int(circles))


def library_files(root: Path) -> Iterator[Path]:
    """Files of the libraries that define no command."""
    for package in LIBRARIES:
        for path in sorted((root / package).rglob("*.py")):
            if "commands" not in path.relative_to(root).parts and path.name not in DEFINES_FLAGS:
                yield path


def flags_in_texts(path: Path) -> list[str]:
    """Texts of a file, but for docstrings, that name a flag otherwise than as part of a command that is typed."""
    tree = ast.parse(path.read_text("utf-8"))
    defined = (ast.Module, ast.ClassDef, ast.FunctionDef)
    docstrings = {id(node.body[0].value) for node in ast.walk(tree) if isinstance(node, defined) and _documented(node)}
    parts = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    return [
        f"{path.name}:{node.lineno}: {text}"
        for node in ast.walk(tree)
        if id(node) not in docstrings | parts and (text := _text(node)) and FLAG.search(CALLED.sub("", text))
    ]


def _text(node: ast.AST) -> str:
    """A text, with `{}` for the values of a formatted one; empty for whatever is none."""
    if isinstance(node, ast.JoinedStr):
        return "".join(_text(part) or "{}" for part in node.values)
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def _documented(node: ast.Module | ast.ClassDef | ast.FunctionDef) -> bool:
    return bool(node.body) and isinstance(node.body[0], ast.Expr)


@click.command(cls=Command)
@click.option("--root", type=PATH, default=ROOT, show_default="this one", help="The checkout to count.")
def main(root: Path) -> None:
    """Count rooms, arrows, floors and circles of each package, and what should be 0."""
    for name in [name for name in sys.modules if name.split(".")[0] in PACKAGES]:
        del sys.modules[name]  # so that the packages are looked for below `root`
    sys.path.insert(0, str(root))
    graph = grimp.build_graph(*PACKAGES, exclude_type_checking_imports=True, cache_dir=None)
    click.echo(f"{'package':<12}{'rooms':>7}{'arrows':>8}{'floors':>8}{'circles':>9}")
    for package in PACKAGES:
        rooms, arrows, floors, circles = astuple(structure(graph, package))
        click.echo(f"{package:<12}{rooms:>7}{arrows:>8}{floors:>8}{circles:>9}")
    flags = [text for path in library_files(root) for text in flags_in_texts(path)]
    errors = sum(path.read_text("utf-8").count('InputError("--') for path in library_files(root))
    lines = {str(path.relative_to(root)): len(path.read_text("utf-8").splitlines()) for path in root.glob("*/**/*.py")}
    long = sorted(name for name, count in lines.items() if name.startswith(PACKAGES) and count > MOST_LINES)
    for what, places in (
        ("retired terms", retired_terms(root)),
        ("flags in texts of library code", flags),
        (f"files of more than {MOST_LINES} lines", long),
    ):
        click.echo("\n".join([f"{what}: {len(places)}", *(f"  {place}" for place in places)]))
    click.echo(f'InputError("-- in library code: {errors}')


if __name__ == "__main__":
    main()
