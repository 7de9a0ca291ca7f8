"""Runs `python -m keraunos` like `keraunos`."""

import sys

from .cli.main import main

if __name__ == "__main__":
    sys.exit(main())
