"""The reference: a page for each public module, made from its docstrings, and a table of the names to begin with."""

from __future__ import annotations

import ast
import importlib.util
import inspect
import re
from collections.abc import Iterable
from pathlib import Path

import neuroam

HERE = Path(__file__).resolve().parent
ENGINE = {
    "Describing a circuit": ("circuit", "neurons", "transfer", "connect", "plasticity", "patterns", "graphs", "units",
                             "recipe"),
    "Describing an experiment": ("protocol", "manipulations", "cues", "prediction"),
    "Running": ("experiment", "runs", "compare", "compare_folder", "sweep", "wiring", "session", "calibrate", "energy"),
    "What comes out": ("recording", "outcome", "report", "notebook", "methods", "registry", "errors"),
    "Solvers": ("solvers.clocked", "solvers.brian", "effective.adiabatic", "effective.winner_take_all",
                "effective.mean_field", "effective.volley", "effective.place_replay", "effective.place_learning",
                "effective.place_wave"),
    "Other formats": ("io.nwb", "io.neo"),
}


def pages() -> dict[str, str | bytes]:
    """A page for each module, and the table of the public names."""
    analysis = sorted(path.stem for path in Path(HERE.parent / "analysis").glob("[a-z]*.py"))
    groups = {**ENGINE, "Analysis": tuple(f"analysis.{name}" for name in analysis if not name.startswith("plot")),
              "Figures": tuple(f"analysis.{name}" for name in analysis if name.startswith("plot"))}
    groups = {title: tuple(name for name in names if source_of(name)) for title, names in groups.items()}
    rows = [f"| [`{name}`](neuroam.{home}.md) | {first_sentence(inspect.getdoc(getattr(neuroam, name)))} |"
            for name, home in sorted(neuroam._HOMES.items())]
    made: dict[str, str | bytes] = {}
    listed = []
    for title, names in groups.items():
        told = [f"| [`{name}`](neuroam.{name}.md) | {first_sentence(module_doc(name))} |" for name in names]
        listed += [f"## {title}", "\n".join(["| module | |", "|---|---|", *told])]
        for name in names:
            made[f"api/neuroam.{name}.md"] = (f"# neuroam.{name}\n\n```{{eval-rst}}\n.. automodule:: neuroam.{name}\n"
                                               "   :members:\n```\n")
    table = "\n".join(["| `from neuroam import` … | |", "|---|---|", *rows])
    made["api/index.md"] = "\n\n".join(["# Reference", table, *listed, toctree("", [name.removeprefix("api/")[:-3]
                                                                                     for name in made])]) + "\n"
    return made


def source_of(name: str) -> bool:
    """Whether there is such a module."""
    return importlib.util.find_spec(f"neuroam.{name}") is not None


def module_doc(name: str) -> str | None:
    """The docstring of a module, read without running it."""
    spec = importlib.util.find_spec(f"neuroam.{name}")
    return ast.get_docstring(ast.parse(Path(spec.origin).read_text(encoding="utf-8"))) if spec and spec.origin else None


def first_sentence(doc: str | None) -> str:
    paragraph = " ".join((doc or "").split("\n\n")[0].split())
    return re.split(r"(?<=[.;]) ", paragraph)[0].rstrip(";:").replace("|", "\\|").replace("*", "\\*")


def toctree(caption: str, pages: Iterable[str]) -> str:
    return "\n".join(["```{toctree}", ":hidden:", *([f":caption: {caption}"] if caption else []), "", *pages, "```"])
