"""Makes `fixtures/code-VERSION.tar.xz`, the code of the version that this is, for `test_side_by_side.py`: once for each
release, when it is made, from what is committed:

    python -m tests.deploy.make_code

It takes the place of the one before: a version runs beside the one before it, and beside no earlier one.
"""

from __future__ import annotations

import lzma
import subprocess

from backoffice import __version__
from tests.support.servers import ROOT


def main() -> None:
    command = ["git", "archive", "--format=tar", "HEAD", "backoffice"]
    made = subprocess.run(command, cwd=ROOT, check=True, capture_output=True).stdout
    for old in (ROOT / "fixtures").glob("code-*.tar.xz"):
        old.unlink()
    path = ROOT / "fixtures" / f"code-{__version__}.tar.xz"
    path.write_bytes(lzma.compress(made, preset=9 | lzma.PRESET_EXTREME))


if __name__ == "__main__":
    main()
