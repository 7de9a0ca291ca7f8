"""What griffe is told of our docstrings, for the reference pages."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import griffe

_OPTIONS = re.compile(r"^( *)\*\*options: (?:.*\n)(?:\1 +.*\n)*", re.MULTILINE)
_PAGE = re.compile(r"`?docs/([\w-]+)\.md`?")
_CHOICES = "keraunos.configs.choices"


class HouseStyle(griffe.Extension):
    """Reads `Example:` as `Examples:`, which shows its lines as code, and links pages."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Changes the docstring of whatever was found."""
        if obj.docstring is not None:
            text = re.sub(r"^Example:$", "Examples:", obj.docstring.value, flags=re.M)
            obj.docstring.value = _PAGE.sub(r"[\1](../../\1/)", text)


class ListedOptions(griffe.Extension):
    """Lists the settings in `**options` one by one, with their types and defaults."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Adds the settings to the arguments of a function, or of a constructor."""
        function = obj.members.get("__init__") if obj.is_class else obj
        if obj.docstring is None or not isinstance(function, griffe.Function):
            return
        path = _unpacked(function)
        found = _OPTIONS.search(obj.docstring.value + "\n")
        if path is None or found is None:
            return
        options = obj.modules_collection[path]
        listed = "".join(f"{found[1]}{each}\n" for each in _items(options))
        text = obj.docstring.value + "\n"
        is_complete = [str(base) for base in options.bases] == ["TypedDict"]
        begin = found.start() if is_complete else found.end()
        obj.docstring.value = text[:begin] + listed + text[found.end() :]


def _unpacked(function: griffe.Function) -> str | None:
    """The path of the dictionary in `**options: Unpack[...]`."""
    for parameter in function.parameters:
        annotation = parameter.annotation
        if (
            parameter.kind is griffe.ParameterKind.var_keyword
            and isinstance(annotation, griffe.ExprSubscript)
            and annotation.canonical_path.endswith(".Unpack")
            and isinstance(annotation.slice, griffe.Expr)
        ):
            return annotation.slice.canonical_path
    return None


def _items(options: griffe.Class) -> Iterator[str]:
    """Items of a section `Args:`, such as `max_epochs (int): Maximum number ...`."""
    choices = options.modules_collection[_CHOICES].attributes
    for attribute in options.attributes.values():
        text = " ".join(attribute.docstring.value.split()) if attribute.docstring else ""
        annotation = str(attribute.annotation)
        if annotation in choices:
            values = ", ".join(f"`{value}`" for value in _values(annotation, choices))
            text, annotation = f"{text} One of {values}.", "str"
        annotation = re.sub(r"Literal\[[^\]]*\]", "str", annotation)
        yield f"{attribute.name} ({annotation}): {text}"


def _values(name: str, choices: Mapping[str, Any]) -> Iterator[str]:
    """The values of `Literal["a", Others]`, with those of `Others`."""
    text = str(choices[name].value)
    for value, other in re.findall(r"""['"](\w+)['"]|\b(\w+)\b""", text):
        if value:
            yield value
        elif other in choices:
            yield from _values(other, choices)
