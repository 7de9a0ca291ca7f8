"""Replaces values that look like secrets with `***` before they are written."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

HIDDEN = "***"

_WORD = (
    r"(?:token|passw(?:or)?d|passphrase|secret|credentials?|authorization|cookie"
    r"|(?:api|access|secret|private|auth|license)[_-]?key|pwd)"
)
_NAME = re.compile(rf"(?i:(?:.*[\W_]|.*[a-z](?=[A-Z]))?{_WORD})")
# Tokens of a tokenizer, which are not secret.
_MARKS = re.compile(r"(?i).*(?:pad|mask|start|end|unk|oov|cls|sep|bos|eos|special)_?token")
_IN_TEXT = re.compile(
    rf"(?P<word>{_WORD})(?P<sign>[\"']?\s{{0,9}}[:=]\s{{0,9}})"
    r"""(?P<value>"[^"]*"|'[^']*'|[^,}\]&"'\s][^,}\]&"']*)""",
    re.IGNORECASE,
)
_END_OF_NAME = re.compile(r"[\w.-]*\Z")
_LONGEST_NAME = 80
# In the URLs of alerts, everything after the host is secret.
_ADDRESS_NAMES = {"url", "command"}
_BEHIND_HOST = re.compile(r"(?P<host>https?://[^\s/?#\"']+)[/?#][^\s\"',\]]+")
_IN_ADDRESS = re.compile(r"(?<=://)[^\s/@]+(?=@)")


def is_secret(name: str) -> bool:
    """Returns whether a value with this name is probably secret.

    Example:
        >>> [n for n in ("hf_token", "apiKey", "max_tokens", "pad_token") if is_secret(n)]
        ['hf_token', 'apiKey']
    """
    end = name[-_LONGEST_NAME:]
    return bool(_NAME.fullmatch(end)) and not _MARKS.fullmatch(end)


def redacted(value: Any, name: str = "") -> Any:
    """Returns a value with secrets replaced by `***`.

    Args:
        value: The value, which may be nested.
        name: The name of the value.

    Example:
        >>> redacted({"login": {"user": "me", "password": "1"}, "at": "http://me:1@host"})
        {'login': {'user': 'me', 'password': '***'}, 'at': 'http://***@host'}
        >>> redacted({"alerts": {"url": "https://hooks.example.org/T1/secret"}})
        {'alerts': {'url': 'https://hooks.example.org/***'}}
    """
    if isinstance(value, Mapping):
        return {key: redacted(each, _nested_name(name, key)) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [redacted(each, name) for each in value]
    if value is not None and not isinstance(value, bool) and is_secret(name):
        return HIDDEN
    return _without_secrets(value, name) if isinstance(value, str) else value


def redacted_command(arguments: Sequence[str]) -> list[str]:
    """Returns the arguments of a command with secrets replaced by `***`.

    Example:
        >>> redacted_command(["fit", "callbacks.log.token=abc", "--password", "x"])
        ['fit', 'callbacks.log.token=***', '--password', '***']
    """
    return list(_redact_arguments(arguments))


def hidden_names(value: Any, path: str = "") -> list[str]:
    """Returns the dotted names of values that were replaced by `***`.

    Example:
        >>> hidden_names({"callbacks": {"log": {"token": "***", "name": "a"}}})
        ['callbacks.log.token']
    """
    if isinstance(value, Mapping):
        inner = ((f"{path}.{key}".lstrip("."), each) for key, each in value.items())
        return [name for key, each in inner for name in hidden_names(each, key)]
    if isinstance(value, list | tuple):
        return [name for each in value for name in hidden_names(each, path)]
    return [path] if isinstance(value, str) and _is_hidden(value, path) else []


def _is_hidden(value: str, path: str) -> bool:
    name = path.rpartition(".")[2]
    return HIDDEN in value and redacted(value.replace(HIDDEN, "x"), name) == value


def _nested_name(name: str, key: object) -> str:
    """Returns the name for a nested value: everything in a secret group is secret."""
    return name if is_secret(name) else str(key)


def _redact_arguments(arguments: Sequence[str]) -> Iterator[str]:
    is_next = False
    for argument in arguments:
        name, sign, value = argument.partition("=")
        if is_next and not argument.startswith("-"):
            yield HIDDEN
        elif sign and value and is_secret(name.lstrip("-")):
            yield f"{name}={HIDDEN}"
        else:
            yield _without_secrets(argument, name)
        is_next = argument.startswith("-") and not sign and is_secret(argument.lstrip("-"))


def _without_secrets(text: str, name: str = "") -> str:
    """Replaces secrets in the text of a setting with the given name."""
    if name.lstrip("-").rpartition(".")[2] in _ADDRESS_NAMES:
        text = _BEHIND_HOST.sub(rf"\g<host>/{HIDDEN}", text)

    def hide(match: re.Match[str]) -> str:
        before = match.string[max(match.start() - _LONGEST_NAME, 0) : match.start()]
        start = _END_OF_NAME.search(before)
        is_one = is_secret((start[0] if start else "") + match["word"])
        return f"{match['word']}{match['sign']}{HIDDEN}" if is_one else match[0]

    return _IN_TEXT.sub(hide, _IN_ADDRESS.sub(HIDDEN, text))
