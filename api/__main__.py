"""`python -m keraunos` is the same as `keraunos`."""

import sys

from .cli.main import main

if __name__ == "__main__":
    sys.exit(main())
