"""What the disk does not give of a directory that is copied, in whose place the copy is put."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from backoffice.embedded.convert import Watch, copy


def test_a_directory_that_cannot_be_listed_is_not_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The one that is copied is destroyed in the end."""
    source, target = tmp_path / "store", tmp_path / "other"
    (source / "appendonlydir").mkdir(parents=True)
    (source / "appendonlydir" / "appendonly.aof").write_bytes(b"all there is")
    target.mkdir()
    listing = os.scandir

    def failing(path: str) -> object:
        if str(path) == str(source / "appendonlydir"):
            raise OSError(errno.EIO, os.strerror(errno.EIO), path)
        return listing(path)

    with monkeypatch.context() as patch:
        patch.setattr(os, "scandir", failing)
        with pytest.raises(OSError, match="Input/output error"):
            copy(source, target, Watch(print, lambda: False))
    copy(source, target, Watch(print, lambda: False))
    assert (target / "appendonlydir" / "appendonly.aof").read_bytes() == b"all there is"
