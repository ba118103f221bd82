"""How a description was made: the name of its factory and the settings it was given, kept with every recording."""
from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from neuroam.errors import DescriptionError
from neuroam.units import exact

T = TypeVar("T", bound=Callable[..., Any])


@dataclass(frozen=True)
class Recipe:
    """`name` is the factory's; `settings` its arguments, defaults included, as text. `arguments` are those very
    arguments, and `forms` what was done to the result since."""

    name: str
    settings: tuple[tuple[str, str], ...]
    make: Callable[..., Any] | None = field(default=None, compare=False, repr=False)
    arguments: tuple[tuple[str, Any], ...] = field(default=(), compare=False, repr=False)
    forms: tuple[Callable[[Any], Any], ...] = ()

    def __str__(self) -> str:
        return f"{self.name}({', '.join(f'{k}={v}' for k, v in self.settings)})"

    def then(self, form: Callable[[Any], Any]) -> Recipe:
        """The recipe of what `form` makes of the result."""
        return replace(self, forms=(*self.forms, form))

    def again(self, changes: Mapping[str, Any]) -> Any:
        """The same made with other settings. Raises `DescriptionError` for a setting the factory does not have."""
        arguments = dict(self.arguments)
        for key in changes:
            if key not in arguments:
                raise DescriptionError(f"{self.name} has no setting {key!r}; there are: {', '.join(arguments)}")
        made = self.make(**(arguments | dict(changes)))  # type: ignore[misc]
        for form in self.forms:
            made = form(made)
        return made


def recipe(factory: T) -> T:
    """Decorator for a function that returns a Circuit or Protocol: the result remembers how it was made."""
    signature = inspect.signature(factory)

    @functools.wraps(factory)
    def make(*args: Any, **kwargs: Any) -> Any:
        bound = signature.bind(*args, **kwargs)
        bound.apply_defaults()
        settings = tuple((key, exact(value)) for key, value in bound.arguments.items())
        made = Recipe(factory.__name__, settings, make, tuple(bound.arguments.items()))
        return replace(factory(*args, **kwargs), recipe=made)

    return make  # type: ignore[return-value]
