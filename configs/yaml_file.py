"""Parses and writes plain YAML, safely and without the surprises of YAML 1.1.

A duplicate key is an error, `1e-3` is a number, only `true` and `false` are booleans (`no`,
`off` and `y` are text), no tag creates an object, and the line of each key is recorded for
messages.
"""

import math
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import yaml

from ..core.errors import ConfigError, message
from ..core.names import printable

MAX_BYTES = 200_000
MAX_VALUES = 20_000
MAX_DEPTH = 50
MAX_INTEGER = 2**63 - 1
_TAG = "tag:yaml.org,2002:"


def _integer(text: str) -> int:
    number = int(text.replace("_", ""))
    if abs(number) > MAX_INTEGER:
        raise ValueError("it has more than 64 bits")
    return number


def _float(text: str) -> float:
    lowered = text.replace("_", "").lower()
    number = float(re.sub(r"\.(?=inf|nan)", "", lowered))
    if math.isinf(number) and "inf" not in lowered:
        raise ValueError("it has more than 64 bits")
    return number


def _text(text: str) -> str:
    text.encode()  # no lone surrogates, which no file could hold
    if "\0" in text:
        raise ValueError("paths and other programs can't handle NUL")
    return text


class _Kind(NamedTuple):
    """A kind of scalar.

    Attributes:
        words: Description for error messages.
        read: Converts text to the value.
        plain: Regular expression of its plain form, without tag and quotes.
        starts: The characters that the plain form can start with.
    """

    words: str
    read: Callable[[str], Any]
    plain: str = ""
    starts: str = ""


_KINDS = {
    "str": _Kind("text in Unicode without NUL", _text),
    "null": _Kind(
        "null",
        lambda text: {"": None, "~": None, "null": None}[text.lower()],
        "(?:~|null|Null|NULL|)$",
        "~nN",
    ),
    "bool": _Kind(
        "true or false",
        lambda text: {"true": True, "false": False}[text.lower()],
        "(?:true|True|TRUE|false|False|FALSE)$",
        "tTfF",
    ),
    "float": _Kind(
        "a number of at most 64 bits",
        _float,
        r"(?:[-+]?(?:[0-9][0-9_]*(?:\.[0-9_]*)?[eE][-+]?[0-9]+|[0-9][0-9_]*\.[0-9_]*"
        r"|\.[0-9][0-9_]*(?:[eE][-+]?[0-9]+)?|\.(?:inf|Inf|INF))|\.(?:nan|NaN|NAN))$",
        "-+0123456789.",
    ),
    "int": _Kind(
        "a whole number of at most 64 bits",
        _integer,
        "[-+]?(?:0|[1-9][0-9_]*)$",
        "-+0123456789",
    ),
}


class _Loader(yaml.SafeLoader):
    """PyYAML's parser with limited nesting."""

    depth = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
            raise yaml.MarkedYAMLError(problem=_TOO_DEEP, problem_mark=mark)
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node


class _Dumper(yaml.SafeDumper):
    """PyYAML's emitter, which quotes text that parsers might not read as text."""


def _write_text(dumper: _Dumper, text: str) -> yaml.ScalarNode:
    """Writes text with line breaks in double quotes, because others would fold them."""
    style = None if text.isprintable() else '"'
    return dumper.represent_scalar(f"{_TAG}str", text, style)


_Dumper.add_representer(str, _write_text)
_Loader.yaml_implicit_resolvers = {}  # instead of those of YAML 1.1
for _name, _kind in _KINDS.items():
    if _kind.starts:
        _words = (_TAG + _name, re.compile(_kind.plain), [*_kind.starts, ""])
        _Loader.add_implicit_resolver(*_words)
        _Dumper.add_implicit_resolver(*_words)

_TOO_DEEP = f"it is more than {MAX_DEPTH} levels deep"


class ParsedYaml(NamedTuple):
    """A parsed document.

    Attributes:
        content: Dictionaries with text keys, lists and plain values.
        origins: The location of each dotted key, such as `my.yaml:3`.
    """

    content: Any
    origins: dict[str, str]


def parse_yaml(text: str, name: str, has_lines: bool = True) -> ParsedYaml:
    """Parses one YAML document.

    Args:
        text: The document.
        name: The name of the document in messages.
        has_lines: Whether messages contain line numbers.

    Raises:
        ConfigError: The text is not valid YAML, has a duplicate key, or is too large.
    """
    if len(text) > MAX_BYTES:
        raise ConfigError(
            message(f"{name} must be at most {MAX_BYTES} bytes.", bytes=len(text))
        )
    reader = _Reader(name, has_lines)
    try:
        node = _Loader(text.removeprefix("\ufeff")).get_single_node()
    except yaml.reader.ReaderError as error:
        raise reader.not_yaml(text.count("\n", 0, error.position), error.reason) from None
    except yaml.MarkedYAMLError as error:
        reasons = filter(None, (error.context, error.problem))
        line = error.problem_mark.line if error.problem_mark else 0
        raise reader.not_yaml(line, ", ".join(reasons)) from None
    return ParsedYaml(reader.read(node) if node else None, reader.origins)


def write_yaml(content: Any, in_ascii: bool = False) -> str:
    """Writes plain values as YAML that `parse_yaml` reads as the same values.

    Args:
        content: Dictionaries, lists and plain values.
        in_ascii: Whether to escape non-ASCII characters.
    """
    return yaml.dump(content, None, _Dumper, sort_keys=False, allow_unicode=not in_ascii)


def require_text(text: str, place: str) -> str:
    """Returns the text unchanged if a file can contain it.

    Raises:
        ConfigError: It contains NUL or is not valid Unicode.
    """
    node = yaml.ScalarNode(f"{_TAG}str", text)
    return str(_Reader(place, has_lines=False).read(node))


class _Reader:
    """Builds plain values from YAML nodes, noting the line of each key."""

    def __init__(self, name: str, has_lines: bool) -> None:
        self.origins: dict[str, str] = {}
        self._name = printable(name)
        self._has_lines = has_lines
        self._count = 0

    def read(self, node: yaml.Node, path: str = "", depth: int = 1) -> Any:
        self._count += 1
        if self._count > MAX_VALUES or depth > MAX_DEPTH:
            raise ConfigError(
                f"{self._place(node)}: a configuration must contain at most {MAX_VALUES} "
                f"values, at most {MAX_DEPTH} levels deep. Received: more, its aliases "
                "counted. Write it without aliases."
            )
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node)
        is_map = isinstance(node, yaml.MappingNode)
        if node.tag != _TAG + ("map" if is_map else "seq"):
            raise self._wrong_tag(node)
        if is_map:
            return dict(self._items(node.value, path, depth + 1))
        return [self.read(child, f"{path}[]", depth + 1) for child in node.value]

    def not_yaml(self, line: int, reason: str) -> ConfigError:
        return ConfigError(
            f"{self._format_location(line)}: this is not valid YAML: {reason}."
        )

    def _scalar(self, node: yaml.ScalarNode) -> Any:
        kind = _KINDS.get(node.tag.removeprefix(_TAG))
        if kind is None:
            raise self._wrong_tag(node)
        try:
            return kind.read(node.value)
        except (ValueError, KeyError):
            expected = f"{self._place(node)}: this must be {kind.words}."
            raise ConfigError(message(expected, value=node.value)) from None

    def _items(
        self, pairs: Iterable[tuple[yaml.Node, yaml.Node]], path: str, depth: int
    ) -> Iterator[tuple[str, Any]]:
        seen: set[str] = set()
        for key_node, value_node in pairs:
            key, place = self._key(key_node), self._place(key_node)
            if key in seen:
                raise ConfigError(
                    f"{place}: `{printable(key)}` is given twice. Remove one."
                )
            seen.add(key)
            inner = f"{path}.{key}" if path else key
            self.origins[inner] = place
            yield key, self.read(value_node, inner, depth)

    def _key(self, node: yaml.Node) -> str:
        """Returns a key as text: `1` and `null` are names here."""
        if not isinstance(node, yaml.ScalarNode):
            raise ConfigError(f"{self._place(node)}: a key must be a word.")
        if node.tag.removeprefix(_TAG) not in _KINDS:
            raise self._wrong_tag(node)
        if node.value == "<<":
            raise ConfigError(
                f"{self._place(node)}: `<<` is not supported. Write the settings out, or "
                "give those that are shared in a file of their own: files are merged from "
                "left to right."
            )
        return str(self._scalar(yaml.ScalarNode(f"{_TAG}str", node.value, node.start_mark)))

    def _wrong_tag(self, node: yaml.Node) -> ConfigError:
        expected = f"{self._place(node)}: only plain YAML is supported."
        return ConfigError(message(expected, "Leave the tag out.", tag=node.tag))

    def _place(self, node: yaml.Node) -> str:
        return self._format_location(node.start_mark.line if node.start_mark else 0)

    def _format_location(self, line: int) -> str:
        return f"{self._name}:{line + 1}" if self._has_lines else self._name
