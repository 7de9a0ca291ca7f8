"""Reads pickles of tensors without Python's `pickle`, which can execute code.

A pickle is a program for a small stack machine. This one supports the instructions that
describe tensors, dictionaries, tuples, lists, numbers and text, and the few names of
`torch` that tensors use. Nothing is imported, and no attributes are set: a name remains
text, and a call is looked up in a table of our own functions.
"""

import pickletools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO

from .stored_array import UnreadableWeightsError

MAX_INSTRUCTIONS = 2_000_000  # a network with a thousand tensors takes 50,000


class UnsafePickleError(UnreadableWeightsError):
    """Raised for a pickle that is damaged or contains anything other than tensors."""


@dataclass(frozen=True)
class Name:
    """A reference by module and name, such as `torch FloatStorage`."""

    text: str


class PickleMachine:
    """Runs pickles.

    Args:
        functions: The functions to call for the names that a pickle may call.
        names: Other names that it may refer to.
        storage: Converts a reference to a storage to a value.
    """

    def __init__(
        self,
        functions: Mapping[str, Callable[..., Any]],
        names: frozenset[str],
        storage: Callable[[Any], Any],
    ) -> None:
        self._functions = functions
        self._names = names | functions.keys()
        self._storage = storage
        self._stack: list[Any] = []
        self._marks: list[int] = []  # where on the stack groups of values begin
        self._memo: dict[int, Any] = {}

    def run(self, file: BinaryIO) -> Any:
        """Reads a pickle from the current position of a file to its end.

        Raises:
            UnsafePickleError: It is damaged or contains anything other than tensors.
        """
        self._stack, self._marks, self._memo = [], [], {}
        try:
            for count, (code, argument, _) in enumerate(pickletools.genops(file)):
                if count == MAX_INSTRUCTIONS:
                    raise UnsafePickleError("it has too many instructions")
                self._step(code.name, argument)
            (result,) = self._stack
        except UnsafePickleError:
            raise
        except (ValueError, TypeError, IndexError, KeyError, OverflowError) as error:
            raise UnsafePickleError(f"it is damaged: {error!s:.200}") from None
        return result

    def _step(self, code: str, argument: Any) -> None:
        if code in _NUMBERS or code in _TEXTS:
            self._stack.append(argument)
        elif code in _CONSTANTS:
            self._stack.append(_CONSTANTS[code])
        elif code in _CONTAINERS:
            self._stack.append(_CONTAINERS[code]())
        elif code in _STEPS:
            _STEPS[code](self, argument)
        elif code not in _WITHOUT_EFFECT:
            raise UnsafePickleError(f"it has the instruction {code}, which no tensor needs")

    def _pop(self) -> Any:
        if self._marks and self._marks[-1] == len(self._stack):
            raise UnsafePickleError("it is damaged: a group has no values")
        return self._stack.pop()

    def _pop_group(self) -> list[Any]:
        start = self._marks.pop()
        group = self._stack[start:]
        del self._stack[start:]
        return group

    def _pop_tuple(self, size: int) -> None:
        values = [self._pop() for _ in range(size)]
        self._stack.append(tuple(reversed(values)))

    def _remember(self, place: int) -> None:
        self._memo[place] = self._stack[-1]

    def _name(self, text: str) -> None:
        if text not in self._names:
            raise UnsafePickleError(
                f"it names {text.replace(' ', '.')}, which is not a tensor"
            )
        self._stack.append(Name(text))

    def _name_on_stack(self) -> None:
        name, module = self._pop(), self._pop()
        if not isinstance(name, str) or not isinstance(module, str):
            raise UnsafePickleError("it is damaged: a name is not text")
        self._name(f"{module} {name}")

    def _call(self) -> None:
        arguments, function = self._pop(), self._pop()
        if not isinstance(function, Name) or function.text not in self._functions:
            raise UnsafePickleError("it calls something that is not callable")
        if not isinstance(arguments, tuple):
            raise UnsafePickleError("it is damaged: arguments are not a tuple")
        self._stack.append(self._functions[function.text](*arguments))

    def _set_items(self, flat: list[Any]) -> None:
        target = self._stack[-1]
        if not isinstance(target, dict) or len(flat) % 2:
            raise UnsafePickleError(
                "it is damaged: items of something that is not a dictionary"
            )
        for key, value in zip(flat[::2], flat[1::2], strict=True):
            if not isinstance(key, str | int):
                raise UnsafePickleError("it has a key that is neither text nor a number")
            if key in target:
                raise UnsafePickleError(f"it has the key {key!r:.80} twice")
            target[key] = value

    def _append(self, values: list[Any]) -> None:
        if not isinstance(self._stack[-1], list):
            raise UnsafePickleError("it is damaged: values of something that is not a list")
        self._stack[-1].extend(values)

    def _build(self) -> None:
        """Discards attributes, which PyTorch sets on dictionaries only."""
        self._pop()
        if not isinstance(self._stack[-1], dict):
            raise UnsafePickleError(
                "it gives attributes to something that is not a dictionary"
            )


_NUMBERS = frozenset({"BININT", "BININT1", "BININT2", "LONG1", "BINFLOAT"})
_TEXTS = frozenset({"BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8"})
_CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
_CONTAINERS: dict[str, Callable[[], Any]] = {
    "EMPTY_DICT": dict,
    "EMPTY_LIST": list,
    "EMPTY_TUPLE": tuple,
}
_WITHOUT_EFFECT = frozenset({"PROTO", "FRAME", "STOP"})
_STEPS: dict[str, Callable[[PickleMachine, Any], None]] = {
    "MARK": lambda self, _: self._marks.append(len(self._stack)),
    "TUPLE": lambda self, _: self._stack.append(tuple(self._pop_group())),
    "TUPLE1": lambda self, _: self._pop_tuple(1),
    "TUPLE2": lambda self, _: self._pop_tuple(2),
    "TUPLE3": lambda self, _: self._pop_tuple(3),
    "SETITEM": lambda self, _: self._set_items([self._pop(), self._pop()][::-1]),
    "SETITEMS": lambda self, _: self._set_items(self._pop_group()),
    "APPEND": lambda self, _: self._append([self._pop()]),
    "APPENDS": lambda self, _: self._append(self._pop_group()),
    "BINPUT": lambda self, place: self._remember(place),
    "LONG_BINPUT": lambda self, place: self._remember(place),
    "MEMOIZE": lambda self, _: self._remember(len(self._memo)),
    "BINGET": lambda self, place: self._stack.append(self._memo[place]),
    "LONG_BINGET": lambda self, place: self._stack.append(self._memo[place]),
    "GLOBAL": lambda self, text: self._name(text),
    "STACK_GLOBAL": lambda self, _: self._name_on_stack(),
    "BINPERSID": lambda self, _: self._stack.append(self._storage(self._pop())),
    "REDUCE": lambda self, _: self._call(),
    "BUILD": lambda self, _: self._build(),
}
