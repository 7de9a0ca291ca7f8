"""Modules that another one imports at its start, and hardly anybody uses."""

import contextlib
import sys
from collections.abc import Iterator
from importlib import import_module
from types import ModuleType
from typing import Any


@contextlib.contextmanager
def loaded_later(*names: str) -> Iterator[None]:
    """Puts off modules that are imported within, until something of them is used.

    Whoever imported one within has a stand-in that looks up each name in the module
    itself. Imports afterwards get the module. `from MODULE import NAME` uses it.

    Args:
        names: Full names; modules that are loaded already stay as they are.

    Example:
        >>> with loaded_later("this"):
        ...     import this
        >>> "this" in sys.modules
        False
    """
    later = {name: _Later(name) for name in names if name not in sys.modules}
    sys.modules.update(later)
    try:
        yield
    finally:
        for each in later.values():
            each.step_aside()


class _Later(ModuleType):
    def step_aside(self) -> None:
        """Lets the next import load the module."""
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # which `import` itself looks at
            raise AttributeError(name)
        self.step_aside()
        return getattr(import_module(self.__name__), name)
