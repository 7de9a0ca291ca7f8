"""Defers the import of rarely used modules until they are used."""

import contextlib
import sys
from collections.abc import Iterator
from importlib import import_module
from types import ModuleType
from typing import Any


@contextlib.contextmanager
def deferred_imports(*names: str) -> Iterator[None]:
    """Defers the import of some modules within the block until they are used.

    An import within the block gets a proxy, which imports the module when an attribute is
    accessed; `from MODULE import NAME` does so immediately. Later imports get the module
    itself.

    Args:
        names: Full names of modules; those that are already loaded are not affected.

    Example:
        >>> with deferred_imports("this"):
        ...     import this
        >>> "this" in sys.modules
        False
    """
    later = {name: _LazyModule(name) for name in names if name not in sys.modules}
    sys.modules.update(later)
    try:
        yield
    finally:
        for each in later.values():
            each.unregister()


class _LazyModule(ModuleType):
    def unregister(self) -> None:
        """Lets the next import load the module."""
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # accessed by `import` itself
            raise AttributeError(name)
        self.unregister()
        return getattr(import_module(self.__name__), name)
