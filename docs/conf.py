"""How Sphinx makes the site; ``build.py`` calls it."""

from __future__ import annotations

import itertools
import re
import textwrap
from importlib import metadata

project = "neuroam"
author = "The neuroam developers"
copyright = "the neuroam developers"
release = version = metadata.version("neuroam")
extensions = ["myst_parser", "sphinx.ext.autodoc"]
myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 3
html_theme = "furo"
html_title = "neuroam"
html_static_path = ["style.css"]
html_css_files = ["style.css"]
html_copy_source = False
html_domain_indices = False
html_show_sphinx = False
html_extra_path = ["static"]
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
autodoc_typehints = "signature"
python_maximum_signature_line_length = 100
default_role = "code"
suppress_warnings = ["myst.header"]
_CODE = re.compile(r"(``[^`]+``|`[^`]+`)")


def restructured(lines: list[str]) -> list[str]:
    """A docstring in plain words and code between backticks, as reStructuredText: what is indented stays as it is."""
    made: list[str] = []
    for indented, run in itertools.groupby(lines, _indented):
        if indented:
            made += ["", "::", "", *textwrap.indent(textwrap.dedent("\n".join(run)), "    ").splitlines(), ""]
        else:
            made += [_escaped(line) for line in run]
    return [*made, ""]


def _indented(line: str) -> bool:
    return line.startswith("    ")


def _escaped(line: str) -> str:
    pieces = _CODE.split(line.rstrip())
    return "".join(f"``{piece.strip('`')}``" if k % 2 else re.sub(r"([\\*_|])", r"\\\1", piece)
                   for k, piece in enumerate(pieces))


def _docstring(app, what, name, obj, options, lines) -> None:
    lines[:] = restructured(lines)


def _signature(app, what, name, obj, options, signature, returned):
    """Defaults that a dataclass makes anew are written so that the rest can be read."""
    return (signature.replace("<factory>", "..."), returned) if "<factory>" in (signature or "") else None


def setup(app) -> None:
    app.connect("autodoc-process-signature", _signature)
    app.connect("autodoc-process-docstring", _docstring)
