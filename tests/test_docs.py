"""The documents: links lead somewhere, flags exist, words are the field's."""

import importlib
import itertools
import re
import tomllib
from pathlib import Path

import click
import pytest

ROOT = Path(__file__).parents[1]
PAGES = sorted(
    page
    for page in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "data").glob("*.md")]
    if page.is_file()
)
LINK = re.compile(r"\[[^\]\[]*\]\(([^)\s]+)\)")
CODE = re.compile(r"^( *)```.*?^\1```$|`[^`\n]*`", re.MULTILINE | re.DOTALL)
BLOCK = re.compile(r"^( *)```.*?^\1```$", re.MULTILINE | re.DOTALL)


def anchors(page):
    """The anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", CODE.sub(lambda code: code[0].replace("\n#", "\n"), page.read_text()), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


def broken_links(page, text):
    for target in LINK.findall(CODE.sub("", text)):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        if not file.exists():
            yield f"{target}: no such file"
        elif anchor and anchor not in anchors(file):
            yield f"{target}: no such heading"


def test_there_are_pages():
    assert len(PAGES) >= 3


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page):
    assert list(broken_links(page, page.read_text())) == []


def test_a_broken_link_is_found():
    text = "[a](nothing.md) [b](README.md#no-such-heading) [c](README.md) `[d](code.md)`"
    assert list(broken_links(ROOT / "README.md", text)) == [
        "nothing.md: no such file",
        "README.md#no-such-heading: no such heading",
    ]


def broken_tables(text):
    """Lines at which a table has no head, another number of columns than its head, or no end."""
    lines, head = ["", *BLOCK.sub("", text).splitlines()], 0
    for number, (before, line) in enumerate(itertools.pairwise(lines), 1):
        columns = len(re.findall(r"(?<!\\)\|", line)) if line.startswith("|") else 0
        if columns and not before.startswith("|"):
            head = columns
            if number + 1 >= len(lines) or not re.fullmatch(r"[|: -]+", lines[number + 1]):
                yield f"no head: {line[:60]}"
        elif columns and columns != head:
            yield f"{columns - 1} columns under a head of {head - 1}: {line[:60]}"
        elif line.strip() and not columns and before.startswith("|"):
            yield f"text that becomes a row: {line[:60]}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_tables_are_whole(page):
    assert list(broken_tables(page.read_text())) == []


@pytest.mark.parametrize(
    ("text", "broken"),
    [
        pytest.param("| a | b |\n|---|---|\n| 1 \\| 2 | 3 |\n\nText.", [], id="whole"),
        pytest.param("| a |\n|---|\n\n| 1 |\n", ["no head: | 1 |"], id="cut in two"),
        pytest.param("| a | b |\n|---|---|\n| 1 |\n", ["1 columns under a head of 2: | 1 |"], id="a column less"),
        pytest.param("| a |\n|---|\n| 1 |\nText.", ["text that becomes a row: Text."], id="no end"),
    ],
)
def test_a_broken_table_is_found(text, broken):
    assert list(broken_tables(text)) == broken


# Flags of other programs, which the pages name too.
FOREIGN = {"--constraint", "--force-reinstall", "--logdir", "--no-deps", "--no-python", "--nproc-per-node"}
FOREIGN |= {"--scheduler-file", "--nthreads", "--nworkers", "--resources"}  # dask
FOREIGN |= {"--array", "--cpus-per-task", "--mem", "--time"}  # SLURM
FLAG = re.compile(r"(?<![\w-])--[a-z][a-z0-9-]*")


def commands():
    """Every command by what one types to call it: its own flags."""
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
    found = {}
    for name, target in scripts.items():
        module, function = target.split(":")
        command = getattr(importlib.import_module(module), function)
        if isinstance(command, click.Group):
            context = click.Context(command)
            for part in command.list_commands(context):
                found[f"{name} {part}"] = flags_of(command.get_command(context, part))
        else:
            found[name] = flags_of(command)
    return found


def flags_of(command):
    return {"--help"} | {flag for option in command.params for flag in (*option.opts, *option.secondary_opts)}


def flags_in_source(folder):
    """The flags that a folder's modules define, without importing them."""
    sources = (path.read_text() for path in (ROOT / folder).rglob("*.py"))
    return {flag for source in sources for text in re.findall(r'"(--[^" ]*)"', source) for flag in text.split("/")}


def typed(text):
    """The command lines of a page's code blocks, continued lines joined, comments left out."""
    blocks = re.findall(r"```\w*\n(.*?)```", text, re.DOTALL)
    lines = "\n".join(blocks).replace("\\\n", " ").splitlines()
    return [line.split("  #")[0].strip() for line in lines]


def unknown_flags(text):
    known = commands()
    for line in typed(text):
        name = next((name for name in sorted(known, key=len, reverse=True) if f"{line} ".startswith(f"{name} ")), None)
        if name:
            yield from (f"{name} {flag}" for flag in FLAG.findall(line) if flag not in known[name])
    everywhere = set().union(FOREIGN, flags_in_source("pipelines"), *known.values())
    yield from (flag for flag in FLAG.findall(text) if flag not in everywhere)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_flags_exist(page):
    if page.name == "CHANGELOG.md":
        pytest.skip("names former flags")
    assert list(unknown_flags(page.read_text())) == []


def test_an_unknown_flag_is_found():
    text = "`--no-such-flag`\n```\nstc-eval results/ --truth DIR \\\n   --cues STORE  # --no-comment\n```"
    assert list(unknown_flags(text)) == ["stc-eval --cues", "--no-such-flag", "--no-comment"]
