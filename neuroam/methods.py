"""describe(circuit) or describe(protocol): what a Methods section would print.

A circuit is described by the tables Nordlie, Gewaltig & Plesser 2009 (PLoS Comput Biol 5:e1000456) propose: summary,
populations, connectivity, neurons, plasticity, input; here with a source for each number. A protocol is described by
its groups, its timetable, what is recorded and what was published.
"""
from __future__ import annotations

from dataclasses import dataclass

from neuroam.circuit import Circuit
from neuroam.errors import DescriptionError
from neuroam.methods_circuit import circuit_tables
from neuroam.methods_protocol import protocol_tables
from neuroam.protocol import Protocol
from neuroam.table import WIDTH, Table


@dataclass(frozen=True)
class Description:
    """A title and its tables; ``print(description)`` shows them as plain text."""

    title: str
    tables: tuple[Table, ...]

    def __str__(self) -> str:
        return self.text

    @property
    def text(self) -> str:
        return self.to_text()

    def to_text(self, width: int = WIDTH) -> str:
        """Plain text no wider than `width` characters, where words allow it."""
        heading = f"{self.title}\n{'=' * len(self.title)}"
        return "\n\n".join([heading, *(table.text(width) for table in self.tables)]) + "\n"

    @property
    def markdown(self) -> str:
        return "\n\n".join([f"## {self.title}", *(table.markdown for table in self.tables)]) + "\n"


def describe(thing: Circuit | Protocol) -> Description:
    """The Methods section of a circuit or a protocol."""
    if isinstance(thing, Circuit):
        return Description(f"Circuit: {thing.name}", circuit_tables(thing))
    if isinstance(thing, Protocol):
        return Description(f"Protocol: {thing.title}", protocol_tables(thing))
    raise DescriptionError(f"describe() takes a Circuit or a Protocol, got {type(thing).__name__}")
