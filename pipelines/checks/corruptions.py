"""Changes to a good file that make it a bad one, or another good one."""

from __future__ import annotations

import io
import json
import random
import re
from typing import Any

import numpy as np
from PIL import Image

_DEEP = 0.8  # share of changes to JSON and PNG that leave them JSON and PNG
_TOKENS = (
    *(
        b"nan",
        b"-1",
        b"1e999",
        b"",
        b"..",
        b"../x",
        b"0",
        b"0.5",
        b"999999999",
        b"99999999999",
        b"2147483647",
        b"65536",
    ),
    *(b"10000", b"1_0", b"null", b"[]", b"{}", b"true", b'"', b",", b" ", b"\r\n", b"\x00", b"\xff", b"\xe2\x80\xae"),
    *(b"1.0e+00", b"\xef\xbb\xbf", b"1e5", b"step=2", b"outside", b"clip"),
)
_XML_VALUE = re.compile(rb'(?<=[">])([^<>"=]+)(?=["<])')
_VALUES = (
    *(None, True, False, -1, 0, 1, 10, 1.5, 2**31, 10**9, 10**30, float("nan"), float("inf")),
    *("7", "007", 2**62, 3.0, "1.0", "car", [None], [True]),
    *("", "..", "../../x", "a\x00b", "\ud800", "o" * 40, [], {}, [[]], [1, 2]),
    *({"size": [2, 2], "counts": "4"}, {"size": [99999, 99999], "counts": []}),
    *([[0, 0, 5, 0, 5, 5]], [[1e8, 0, 5, 0, 5, 5]]),
)


def corrupt(content: bytes, draw: random.Random) -> bytes:
    """The content with one to four changes, mostly such that the next layer of a reader sees them."""
    for _ in range(draw.choice((1, 1, 1, 2, 4))):
        if content[:1] in (b"{", b"[") and draw.random() < _DEEP:
            content = _value(content, draw)
        elif content[:1] == b"<" and draw.random() < _DEEP:
            content = _attribute(content, draw)
        elif content.startswith(b"\x89PNG") and draw.random() < _DEEP:
            content = _pixels(content, draw)
        else:
            content = draw.choice(_ON_BYTES)(content, draw)
    return content


def _place(content: bytes, draw: random.Random) -> int:
    return draw.randrange(len(content) + 1)


def _cut_byte(content: bytes, draw: random.Random) -> bytes:
    at = _place(content, draw)
    return content[:at] + content[at + draw.choice((1, 1, 5)) :]


def _flip_byte(content: bytes, draw: random.Random) -> bytes:
    at = _place(content, draw)
    return content[:at] + bytes([draw.randrange(256)]) + content[at + 1 :]


def _insert(content: bytes, draw: random.Random) -> bytes:
    at = _place(content, draw)
    return content[:at] + draw.choice(_TOKENS) + content[at:]


def _repeat(content: bytes, draw: random.Random) -> bytes:
    start, end = sorted((_place(content, draw), _place(content, draw)))
    return content[:end] + content[start:]


def _truncate(content: bytes, draw: random.Random) -> bytes:
    return content[: _place(content, draw)]


def _drop_line(content: bytes, draw: random.Random) -> bytes:
    lines = content.splitlines(keepends=True)
    if lines:
        lines.pop(draw.randrange(len(lines)))
    return b"".join(lines)


def _swap_lines(content: bytes, draw: random.Random) -> bytes:
    lines = content.splitlines(keepends=True)
    draw.shuffle(lines)
    return b"".join(lines)


def _number(content: bytes, draw: random.Random) -> bytes:
    """Another token in the place of a space- or comma-separated one."""
    for separator in draw.sample((b" ", b",", b"=", b"\n"), 4):
        parts = content.split(separator)
        if len(parts) > 1:
            parts[draw.randrange(len(parts))] = draw.choice(_TOKENS)
            return separator.join(parts)
    return content


def _value(content: bytes, draw: random.Random) -> bytes:
    """Another value somewhere in a JSON file; other files stay."""
    try:
        tree = json.loads(content)
    except ValueError:
        return content
    return json.dumps(corrupt_tree(tree, draw)).encode("utf-8", "surrogatepass")


def corrupt_tree(tree: Any, draw: random.Random, more: tuple[Any, ...] = ()) -> Any:
    """Another value, or none, somewhere in dictionaries and lists, which are changed in place.

    Args:
        tree: of dictionaries, lists and values.
        draw: of place and value.
        more: values that are drawn as often as all usual ones together.
    """
    holder = tree
    while isinstance(holder, dict | list) and holder:
        key = draw.choice(list(holder)) if isinstance(holder, dict) else draw.randrange(len(holder))
        inner = holder[key]
        if not isinstance(inner, dict | list) or not inner or draw.random() < 0.25:
            if draw.random() < 0.15:
                del holder[key]
            else:
                holder[key] = draw.choice(more if more and draw.random() < 0.5 else _VALUES)
            break
        holder = inner
    return tree


def _attribute(content: bytes, draw: random.Random) -> bytes:
    """Another token in the place of an attribute's value or of text between two tags of XML; other files stay."""
    places = list(_XML_VALUE.finditer(content))
    if not places:
        return content
    place = draw.choice(places)
    return content[: place.start(1)] + draw.choice(_TOKENS) + content[place.end(1) :]


def _pixels(content: bytes, draw: random.Random) -> bytes:
    """Another value in a part of a picture, or a picture of another size or depth; what is none stays."""
    try:
        with Image.open(io.BytesIO(content)) as picture:
            labels = np.array(picture)
    except (OSError, SyntaxError, ValueError):
        return content
    if draw.random() < 0.15:
        labels = draw.choice((labels[1:], labels[:, 1:], labels.astype(np.uint8), np.tile(labels, (2, 3))))
    else:
        row, column = (draw.randrange(side) for side in labels.shape[:2])
        value = draw.choice((0, 1, 999, 1000, 1001, 2001, 9999, 10000, 10001, 32768, 65535))
        labels[row : row + draw.randrange(1, 6), column : column + draw.randrange(1, 6)] = min(
            value, np.iinfo(labels.dtype).max
        )
    if not labels.size:
        return content
    changed = io.BytesIO()
    Image.fromarray(labels).save(changed, format="PNG")
    return changed.getvalue()


_ON_BYTES = (_cut_byte, _flip_byte, _insert, _repeat, _drop_line, _swap_lines, _number, _truncate)
