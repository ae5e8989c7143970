"""`python -m backoffice`: the same commands as `manage.py`, in an environment that is already there."""

from __future__ import annotations

import sys

from backoffice.cli import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
