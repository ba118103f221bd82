"""A table as a Methods section prints it: as data, as aligned plain text, as Markdown."""
from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable
from dataclasses import dataclass

WIDTH = 100
GAP = "  "


@dataclass(frozen=True)
class Table:
    """`equations` stand above the rows, one a line; the paragraphs of `note` below them. Line breaks inside cells
    are kept. A header of empty strings is not shown."""

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    equations: tuple[str, ...] = ()
    note: str = ""

    def text(self, width: int = WIDTH) -> str:
        """Aligned columns, cells wrapped so that no line is longer than `width` if words allow it."""
        parts = [self.title, "-" * min(len(self.title), width)]
        parts += ["  " + equation for equation in self.equations]
        if self.rows:
            parts += _aligned([self.header, *self.rows], width)[0 if any(self.header) else 2:]
        for paragraph in self.note.split("\n\n") if self.note else ():
            parts += textwrap.wrap(paragraph, width)
        return "\n".join(parts)

    @property
    def markdown(self) -> str:
        """A heading, the equations as code, a pipe table and the note."""
        parts = [f"### {self.title}"]
        if self.equations:
            parts.append("\n".join(["```text", *self.equations, "```"]))
        if self.rows:
            parts.append("\n".join([_pipes(self.header), _pipes("---" for _ in self.header),
                                    *map(_pipes, self.rows)]))
        if self.note:
            parts.append(self.note)
        return "\n\n".join(parts)


def plain(doc: str | None) -> str:
    """A docstring as running text: its paragraphs, each on one line, without marks of code."""
    paragraphs = (" ".join(part.split()) for part in (doc or "").replace("`", "").split("\n\n"))
    return "\n\n".join(part for part in paragraphs if part)


def _pipes(cells: Iterable[str]) -> str:
    return "| " + " | ".join(c.replace("|", "\\|").replace("\n", "<br>") for c in cells) + " |"


def _aligned(rows: list[tuple[str, ...]], width: int) -> list[str]:
    columns = _widths(rows, width)
    lines: list[str] = []
    for number, row in enumerate(rows):
        cells = [_wrapped(cell, w) for cell, w in zip(row, columns, strict=True)]
        for k in range(max(map(len, cells))):
            parts = [(cell[k] if k < len(cell) else "").ljust(w) for cell, w in zip(cells, columns, strict=True)]
            lines.append(GAP.join(parts).rstrip())
        if number == 0:
            lines.append(GAP.join("-" * w for w in columns))
    return lines


def _wrapped(cell: str, width: int) -> list[str]:
    lines = [part for line in cell.split("\n") for part in textwrap.wrap(line, width, break_long_words=False)]
    return lines or [""]


def _widths(rows: list[tuple[str, ...]], width: int) -> list[int]:
    """Natural widths, then the widest column gives way until the table fits or only single words are left."""
    columns = list(zip(*rows, strict=True))
    widths = [max(len(line) for cell in column for line in cell.split("\n")) for column in columns]
    least = [max(len(word) for cell in column for word in re.split("[ \n]", cell)) for column in columns]
    while sum(widths) + len(GAP) * (len(widths) - 1) > width:
        free = [k for k in range(len(widths)) if widths[k] > least[k]]
        if not free:
            break
        widest = max(free, key=lambda k: widths[k])
        widths[widest] -= 1
    return widths
