"""Posts JSON to an address, as a program that can be killed when it takes too long.

    python -m keraunos.core.post_json TIMEOUT_SECONDS < ADDRESS_LINE_AND_JSON

The address comes by standard input, where no list of processes shows it.
"""

import sys
import urllib.error
import urllib.request
from typing import Any


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A post that is redirected would arrive as a GET, without its content."""

    def redirect_request(self, *_: Any) -> None:
        return None


def post(address: str, content: bytes, timeout_seconds: float) -> str | None:
    """Posts JSON.

    Returns:
        What went wrong, without the address, which may be a secret; or None.
    """
    try:
        request = urllib.request.Request(
            address, content, {"Content-Type": "application/json"}, method="POST"
        )
        opener = urllib.request.build_opener(_NoRedirect)
        with opener.open(request, timeout=timeout_seconds):
            return None
    except urllib.error.HTTPError as error:
        return f"the server answered {error.code}"
    except urllib.error.URLError as error:
        return str(error.reason)
    except (OSError, ValueError) as error:  # whose text may have the address
        return type(error).__name__


def main() -> int:
    """Posts what standard input has after its first line."""
    address, _, content = sys.stdin.buffer.read().partition(b"\n")
    problem = post(address.decode(), content, float(sys.argv[1]))
    if problem:
        sys.stderr.write(problem)
    return int(problem is not None)


if __name__ == "__main__":
    sys.exit(main())
