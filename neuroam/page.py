"""Pages that are one file: a template of this folder, filled in. The look of reports and sweeps is `page.css`."""
from __future__ import annotations

from typing import Any


def fill(template: str, **content: Any) -> str:
    """The page; raises jinja2's `UndefinedError` where the template wants what `content` has not."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(loader=PackageLoader("neuroam", "."), autoescape=True, trim_blocks=True,
                              lstrip_blocks=True, undefined=StrictUndefined)
    return environment.get_template(template).render(content)
