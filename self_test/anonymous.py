"""Removes folders and the names of the machine and its user from text."""

import getpass
import os
import re
import socket

from ..core.redaction import redacted

_PATH = re.compile(r"(?<![\w:/])(?:/[^\s/'\":,;()]+)+/(?=[^\s/'\":,;()]*)")
_SHORTEST_NAME = 3


def anonymous(text: str) -> str:
    """Shortens paths to their last part, and removes secrets and names of host and user.

    Example:
        >>> anonymous("OSError: /home/me/runs/model.keras is gone, password=1234")
        'OSError: model.keras is gone, password=***'
        >>> anonymous("on /device:GPU:0 at 3.5/4.0")
        'on /device:GPU:0 at 3.5/4.0'
    """
    text = _PATH.sub("", redacted(text))
    for name, word in ((socket.gethostname(), "HOST"), (_user(), "USER")):
        if len(name) >= _SHORTEST_NAME:
            text = re.sub(rf"\b{re.escape(name)}\b", word, text)
    return text


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return os.environ.get("USER", "")
