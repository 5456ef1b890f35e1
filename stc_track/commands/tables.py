"""Rows of figures as text that lines up, or as Markdown."""

from __future__ import annotations

from collections.abc import Sequence


def aligned(head: Sequence[str], rows: Sequence[Sequence[str]], names: int) -> str:
    """Columns as wide as their widest cell; the first `names` of them to the left, the others to the right.

    Examples:
        >>> print(aligned(["", "HOTA"], [["car", "9.25"], ["pedestrian", "10.00"]], 1))
                     HOTA
        car          9.25
        pedestrian  10.00
    """
    widths = [max(len(row[column]) for row in (head, *rows)) for column in range(len(head))]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if column < names else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in (head, *rows)
    )


def markdown(head: Sequence[str], rows: Sequence[Sequence[str]], names: int) -> str:
    """A Markdown table; the first `names` columns to the left, the others to the right.

    Examples:
        >>> print(markdown(["class", "HOTA"], [["car", "9.25"]], 1))
        | class | HOTA |
        | :--- | ---: |
        | car | 9.25 |
    """
    rule = [":---" if column < names else "---:" for column in range(len(head))]
    escaped = [[cell.replace("|", "\\|") for cell in row] for row in (head, rule, *rows)]
    return "\n".join(f"| {' | '.join(row)} |" for row in escaped)
