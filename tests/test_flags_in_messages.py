"""A message names only flags that its command has.

Read from the sources: from each command's function on, every function and method that it may reach, and the texts in
them. A setting's name, `x=` between backquotes or first in a SettingError, stands for its flag. What is
reached is guessed widely (a call of `x.read` may reach any `read` of a class that is reached); what a command never
comes to is listed, with the reason. A flag in `stc-convert --shift 1` is that command's.
"""

import ast
import importlib
import re
from functools import cache
from pathlib import Path

import click
import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("stc_track", "stc_pseudo", "stc_train")
FLAG = re.compile(r"(?<![\w-])--[a-z][a-z0-9-]*")
ANOTHER = re.compile(r"(stc-[a-z]+)(?: ([a-z]+(?:-[a-z]+)*))?")
SETTING = re.compile(r"(\w+)=\S*")
FOREIGN = re.compile(r"(torchrun|pip|sort|huggingface-cli|aws|git) [^`]*")
# By command: where texts stand that it cannot come to, and why.
NOT_REACHED = {
    "stc-pseudo build": (
        "stc_pseudo.depth.training.",  # the fit that build does itself sets what these speak of
        "stc_pseudo.training.",
    ),
    "stc-pseudo export": ("stc_track.io.pictures.",),  # a store lists its frames
    **dict.fromkeys(
        ("stc-pseudo train-depth", "stc-pseudo train-flow"),
        (
            "stc_pseudo.commands.dataset_flags.",  # they read no boxes
            "stc_pseudo.datasets.boxes.",
            "stc_pseudo.datasets.kitti.LABELS_HINT",
            "stc_pseudo.datasets.kitti._label_rows",
        ),
    ),
}
NO_CODE = ("stc_train.configs", "stc_pseudo.synthetic")


def commands():
    """Every command by what is typed: the click command, and the module and name of its function."""
    from stc_pseudo.cli import SUBCOMMANDS

    places = {f"stc-pseudo {name}": f"stc_pseudo.commands.{name.replace('-', '_')}" for name in SUBCOMMANDS}
    places |= {f"stc-{name}": f"stc_track.commands.{name}" for name in ("track", "convert", "video")}
    places |= {"stc-eval": "stc_track.commands.evaluate"}
    places |= {f"stc-{name}": f"stc_train.commands.{name}" for name in ("train", "predict", "export")}
    return places


COMMANDS = commands()


@cache
def flags(name):
    command = importlib.import_module(COMMANDS[name]).main
    assert isinstance(command, click.Command)
    found = {flag for param in command.params for flag in (*param.opts, *param.secondary_opts)}
    return found | {"--help", "--version", *getattr(command, "renamed", ())}


class Module:
    """Definitions of one file, and what its names mean."""

    def __init__(self, name, path):
        self.name = name
        self.functions, self.classes, self.constants, self.names = {}, {}, {}, {}
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] in PACKAGES:
                for alias in node.names:
                    self.names[alias.asname or alias.name] = (node.module, alias.name)
        for node in tree.body:
            if isinstance(node, ast.FunctionDef):
                self.functions[node.name] = node
            elif isinstance(node, ast.ClassDef):
                self.classes[node.name] = (
                    {inner.name: inner for inner in node.body if isinstance(inner, ast.FunctionDef)},
                    [base.id for base in node.bases if isinstance(base, ast.Name)],
                )
            elif isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                self.constants.update({target.id: node.value for target in targets if isinstance(target, ast.Name)})


@cache
def modules():
    found = {}
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*.py"):
            name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
            if not name.startswith(NO_CODE):
                found[name] = Module(name, path)
    return found


def resolve(module, name):
    """What a name of a module is, as its kind, module and name; None if it is not ours."""
    for _ in range(5):
        known = modules().get(module)
        if known is None:
            return None
        for kind in ("functions", "classes", "constants"):
            if name in getattr(known, kind):
                return kind, module, name
        if name not in known.names:
            return None
        source, original = known.names[name]
        if f"{source}.{original}" in modules():
            return "module", f"{source}.{original}", ""
        module, name = source, original
    return None


def texts(node):
    """The texts of a function or value but for its docstring, a formatted one as a whole, with `{}` for its values."""
    docstring = ast.get_docstring(node, clean=False) if isinstance(node, ast.FunctionDef) else None
    inside = {id(part) for string in ast.walk(node) if isinstance(string, ast.JoinedStr) for part in string.values}
    for inner in ast.walk(node):
        if isinstance(inner, ast.JoinedStr):
            yield "".join(part.value if isinstance(part, ast.Constant) else "{}" for part in inner.values)
        elif isinstance(inner, ast.Constant) and isinstance(inner.value, str):
            yield from [inner.value] if id(inner) not in inside and inner.value != docstring else []
        elif isinstance(inner, ast.Call) and isinstance(inner.func, ast.Name) and inner.func.id == "SettingError":
            yield from (
                f"`{name.value}=`"
                for name in ast.walk(inner.args[0])
                if isinstance(name, ast.Constant) and isinstance(name.value, str)
            )


def body(node):
    """A function without its decorators and defaults' options, which define flags rather than name them."""
    copy = ast.FunctionDef(**{field: getattr(node, field) for field in node._fields})
    copy.decorator_list = []
    return copy


class Walk:
    """Goes from a command's function to everything that it may reach, and collects the texts with their places."""

    def __init__(self, start):
        self.seen, self.classes, self.attributes, self.found = set(), set(), set(), []
        self.todo = [("functions", start, "main")]
        while self.todo or self._method():
            if self.todo and (target := self.todo.pop()) not in self.seen:
                self.seen.add(target)
                self._take(*target)

    def _take(self, kind, module, name):
        if kind == "functions":
            self._visit(module, modules()[module].functions[name], f"{module}.{name}")
        elif kind == "constants":
            self._visit(module, modules()[module].constants[name], f"{module}.{name}")
        elif kind == "classes":
            self.classes.add((module, name))
            bases = modules()[module].classes[name][1]
            self.todo += [base for entry in bases if (base := resolve(module, entry))]

    def _method(self):
        """Visit one more method of a class that is reached; False if none is left."""
        for module, name in list(self.classes):
            for method, node in modules()[module].classes[name][0].items():
                key = ("method", module, f"{name}.{method}")
                if (method.startswith("__") or method in self.attributes) and key not in self.seen:
                    self.seen.add(key)
                    self._visit(module, node, f"{module}.{name}.{method}")
                    return True
        return False

    def _visit(self, module, node, where):
        node = body(node) if isinstance(node, ast.FunctionDef) else node
        self.found.extend((text, where) for text in texts(node))
        for part in ast.walk(node):
            if isinstance(part, ast.Name) and (target := resolve(module, part.id)):
                self.todo.append(target)
            elif isinstance(part, ast.Attribute):
                self.attributes.add(part.attr)
                target = resolve(module, part.value.id) if isinstance(part.value, ast.Name) else None
                inner = resolve(target[1], part.attr) if target and target[0] == "module" else None
                self.todo += [inner] if inner else []


def reached(start):
    """Every text that a command's function may come to, with the place where it stands."""
    return Walk(start).found


def strangers(name, text):
    """Flags in a text that neither the command has nor, between backquotes, the one that is called there."""
    for index, part in enumerate(text.split("`")):
        known, called = flags(name), ANOTHER.match(part) if index % 2 else None
        if called:
            full = f"{called[1]} {called[2]}"
            known = flags(full if full in COMMANDS else called[1]) if {full, called[1]} & set(COMMANDS) else known
        elif index % 2 and FOREIGN.match(part):
            continue
        elif index % 2 and (setting := SETTING.fullmatch(part)):
            yield from [] if importlib.import_module(COMMANDS[name]).main.flag_of(setting[1]) else [part]
            continue
        yield from (flag for flag in FLAG.findall(FOREIGN.sub("", part)) if flag not in known)


@pytest.mark.parametrize("name", COMMANDS)
def test_flags_that_messages_name_are_the_commands(name):
    wrong = sorted({
        f"{where}: {flag} in {text!r}"
        for text, where in reached(COMMANDS[name])
        if not where.startswith(NOT_REACHED.get(name, ()) or ("-",))
        for flag in strangers(name, text)
    })  # fmt: skip
    assert not wrong, "\n".join(["", *wrong])


def test_what_is_looked_for_is_found():
    assert list(strangers("stc-convert", "--frames names the pictures, --nosuch does not")) == ["--nosuch"]
    assert list(strangers("stc-convert", "`stc-pseudo build --overwrite all` does it")) == []
    assert list(strangers("stc-convert", "`stc-pseudo build --shift 1` does not")) == ["--shift"]
    assert list(strangers("stc-convert", "`shift=`, or `nosuch=` not")) == ["nosuch="]
    found = {where for _, where in reached("stc_track.commands.convert")}
    assert {"stc_track.formats.mot_boxes.write_mot", "stc_track.formats.sources._file"} <= found
