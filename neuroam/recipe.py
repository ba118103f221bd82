"""How a description was made: the name of its factory and the settings it was given, kept with every recording."""
from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from neuroam.units import exact

T = TypeVar("T", bound=Callable[..., Any])


@dataclass(frozen=True)
class Recipe:
    """`name` is the factory's; `settings` its arguments, defaults included, as text."""

    name: str
    settings: tuple[tuple[str, str], ...]

    def __str__(self) -> str:
        return f"{self.name}({', '.join(f'{k}={v}' for k, v in self.settings)})"


def recipe(factory: T) -> T:
    """Decorator for a function that returns a Circuit or Protocol: the result remembers how it was made."""
    signature = inspect.signature(factory)

    @functools.wraps(factory)
    def make(*args: Any, **kwargs: Any) -> Any:
        bound = signature.bind(*args, **kwargs)
        bound.apply_defaults()
        settings = tuple((key, exact(value)) for key, value in bound.arguments.items())
        return replace(factory(*args, **kwargs), recipe=Recipe(factory.__name__, settings))

    return make  # type: ignore[return-value]
