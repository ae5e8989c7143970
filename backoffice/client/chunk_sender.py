"""Sending the chunks of a file, several at once, each until it has arrived."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Any, Final

from backoffice.client.errors import ClientError
from backoffice.client.http import ATTEMPTS, Client
from backoffice.client.interrupted import PendingUpload
from backoffice.client.local_file import LocalFile, checksum
from backoffice.client.pace import Pace, TooSlow, Watch, was_cut
from backoffice.client.progress import Progress

OCTETS: Final = {"Content-Type": "application/octet-stream"}


@dataclass(frozen=True, slots=True)
class ChunkSender:
    """`pool` has a thread for each chunk that `pace` lets go at once."""

    client: Client
    pace: Pace
    pool: ThreadPoolExecutor

    def send_all(self, file: LocalFile, upload: PendingUpload, indexes: Iterable[int], progress: Progress) -> str:
        """Read chunks in order and send those that are missing; the SHA-256 of all that was read.

        Memory: about two chunks for each that is sent at once. Raises what `send` raises.
        """
        digest = hashlib.sha256()
        futures: set[Future[Any]] = set()
        try:
            for index in indexes:
                data = file.read_chunk(index)
                digest.update(data)
                if index not in upload.missing:
                    continue
                while len(futures) >= self.pace.lanes:
                    finished, futures = wait(futures, return_when=FIRST_COMPLETED)
                    _raise_first(finished)
                futures.add(self.pool.submit(self.send, file, index, data, upload.id, progress))
            finished, futures = wait(futures)
            _raise_first(finished)
        except KeyboardInterrupt:
            self.client.stop()  # so that what is under way ends at once
            raise
        finally:
            for future in futures:
                future.cancel()
            wait(futures)
        return digest.hexdigest()

    def send(
        self, file: LocalFile, index: int, data: bytes, upload_id: str, progress: Progress, attempts: int = ATTEMPTS
    ) -> dict[str, Any]:
        """The site's answer to a chunk, which opens an upload where `upload_id` is "".

        Raises ResponseError, ConnectionFailed; TooSlow where smaller ones are to be tried.
        """
        query = [
            *([("file_id", upload_id)] if upload_id else [("total_size", str(file.size)), ("name", file.name)]),
            ("chunk_index", str(index)),
            ("total_chunks", str(file.total_chunks)),
            ("checksum", checksum(data)),
        ]
        smaller = file.in_smaller_chunks() is not None
        attempt = 0
        while True:
            attempt += 1
            # Nothing is lost yet by smaller ones when the first is slow.
            watch = Watch(len(data), progress.advance, patient=bool(upload_id) or not smaller)
            try:
                answer = self.client.request(
                    "POST", "/upload_chunk", query=query, body=data, headers=OCTETS, attempts=1, on_sent=watch
                ).json()
                self.pace.arrived(watch.seconds)
                return answer
            except ClientError as error:
                if was_cut(error, watch) and self.pace.is_hopeless(file.total_chunks, watch.began) and smaller:
                    raise TooSlow from error
                if not error.retryable or attempt >= attempts:
                    raise
                self.client.wait_before_retry(attempt, error)


def _raise_first(finished: Iterable[Future[Any]]) -> None:
    for future in finished:
        future.result()
