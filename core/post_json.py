"""Posts JSON to a URL, in its own process that can be killed when it takes too long.

    python -m keraunos.core.post_json TIMEOUT_SECONDS < URL_LINE_AND_JSON

The URL is passed on standard input, because process lists show command lines.
"""

import sys
import urllib.error
import urllib.request
from typing import Any


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Rejects redirects: a redirected POST would become a GET without content."""

    def redirect_request(self, *_: Any) -> None:
        return None


def post(address: str, content: bytes, timeout_seconds: float) -> str | None:
    """Posts JSON to a URL.

    Returns:
        What went wrong, without the URL, which may be secret; or None.
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
    except (OSError, ValueError) as error:  # the text may contain the URL
        return type(error).__name__


def main() -> int:
    """Posts the content of standard input after its first line, the URL."""
    address, _, content = sys.stdin.buffer.read().partition(b"\n")
    problem = post(address.decode(), content, float(sys.argv[1]))
    if problem:
        sys.stderr.write(problem)
    return int(problem is not None)


if __name__ == "__main__":
    sys.exit(main())
