"""Reads YAML as people mean it, and safely.

Beyond PyYAML's safe loader: a key given twice is an error, `1e-3` is a number, only
`true` and `false` are booleans (`no`, `off` and `y` are words), and each key's line is
remembered for messages.
"""

import re
from collections.abc import Iterator
from typing import Any

import yaml

from ..core.errors import ConfigError, message

MAX_BYTES = 1_000_000
MAX_NODES = 20_000
_TAGS = frozenset(
    f"tag:yaml.org,2002:{kind}"
    for kind in ("str", "int", "float", "bool", "null", "map", "seq")
)

_FLOAT = re.compile(
    r"^[-+]?(?:[0-9][0-9_]*\.?[0-9_]*(?:[eE][-+]?[0-9]+)|[0-9][0-9_]*\.[0-9_]*"
    r"|\.[0-9][0-9_]*(?:[eE][-+]?[0-9]+)?|\.(?:inf|Inf|INF))$|^\.(?:nan|NaN|NAN)$"
)


class _Loader(yaml.SafeLoader):
    """PyYAML's safe loader with the words of YAML 1.2 for numbers and booleans."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]]


_Loader.yaml_implicit_resolvers = {
    first: [
        (tag, pattern)
        for tag, pattern in resolvers
        if tag.rpartition(":")[2] not in ("bool", "float", "timestamp", "int")
    ]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:bool",
    re.compile("^(?:true|True|TRUE|false|False|FALSE)$"),
    list("tTfF"),
)
_Loader.add_implicit_resolver("tag:yaml.org,2002:float", _FLOAT, list("-+0123456789."))
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:int",
    re.compile(r"^[-+]?(?:0|[1-9][0-9_]*)$"),
    list("-+0123456789"),
)


def parse_yaml(text: str, name: str) -> tuple[Any, dict[str, str]]:
    """Parses one YAML document.

    Args:
        text: The document.
        name: What to call it in messages.

    Returns:
        Its content, and for each dotted key the place where it stands (`name:line`).

    Raises:
        ConfigError: It is not YAML, has a key twice, or is too large.
    """
    if len(text) > MAX_BYTES:
        raise ConfigError(
            message(f"{name} must be at most {MAX_BYTES} bytes.", bytes=len(text))
        )
    loader = _Loader(text.removeprefix("\ufeff"))
    try:
        node = loader.get_single_node()
        reader = _Reader(loader, name)
        return (reader.read(node, "") if node else None), reader.origins
    except yaml.YAMLError as error:
        raise ConfigError(f"{name} is not valid YAML: {error}") from None
    finally:
        loader.dispose()


class _Reader:
    """Builds plain values from YAML nodes, noting the line of each key."""

    def __init__(self, loader: _Loader, name: str) -> None:
        self.origins: dict[str, str] = {}
        self._loader = loader
        self._name = name
        self._nodes = 0

    def read(self, node: yaml.Node, path: str) -> Any:
        self._nodes += 1
        if self._nodes > MAX_NODES:
            raise ConfigError(
                f"{self._name} must hold at most {MAX_NODES} values. "
                "Received: more, its aliases counted. Write it without aliases."
            )
        if node.tag not in _TAGS:
            place = f"{self._name}:{node.start_mark.line + 1}"
            raise ConfigError(
                message(
                    f"{place}: only plain YAML is read.", "Leave the tag out.", tag=node.tag
                )
            )
        if isinstance(node, yaml.MappingNode):
            return dict(self._items(node, path))
        if isinstance(node, yaml.SequenceNode):
            return [self.read(child, f"{path}[]") for child in node.value]
        return self._loader.construct_object(node)

    def _items(self, node: yaml.MappingNode, path: str) -> Iterator[tuple[str, Any]]:
        seen: set[str] = set()
        for key_node, value_node in node.value:
            key = str(self._loader.construct_object(key_node))
            place = f"{self._name}:{key_node.start_mark.line + 1}"
            if key in seen:
                raise ConfigError(f"{place}: `{key}` is given twice. Remove one.")
            seen.add(key)
            inner = f"{path}.{key}" if path else key
            self.origins[inner] = place
            yield key, self.read(value_node, inner)
