"""A program that sends a file with tuspy, to be killed and run again.

python -m tests.support.tus_sender ADDRESS FILE STORAGE PIECE [NAME=VALUE]...    the last ones are headers
"""

from __future__ import annotations

import sys

from tusclient.client import TusClient  # type: ignore[import-untyped]
from tusclient.storage.filestorage import FileStorage  # type: ignore[import-untyped]


def main(url: str, path: str, storage: str, piece: str, *headers: str) -> None:
    client = TusClient(url, headers=dict(one.split("=", 1) for one in headers))
    uploader = client.uploader(
        path, chunk_size=int(piece), metadata={"filename": "sent.bin"}, store_url=True, url_storage=FileStorage(storage)
    )
    uploader.upload()
    print(uploader.url)


if __name__ == "__main__":
    main(*sys.argv[1:])
