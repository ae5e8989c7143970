"""Every key of the control plane, spelled here and nowhere else.

They share one hash slot, so that one script changes a record, its indexes, a quota and the log together.

    {bo}:<noun>:<id>                     hash    a record: users, roles, sessions, tokens, uploads, files,
                                                 jobs, views, links, shares, folders
    {bo}:<noun>:by:<index>               zset    all records: member id, score a number (sorted)
                                                 or member "folded text NUL id", score 0 (lexical, words);
                                                 ids of files in the form of `compact_ids.py`
    {bo}:<noun>:by:<index>:<value>       zset    the records of one value of a facet
    {bo}:<noun>:by:<index>:<facet>=<value>  zset an index kept for each value of a facet
    {bo}:<noun>:one:<index>              hash    folded value -> id (unique); of files: content -> what holds it, where
                                                 that is another than the identifier of the record
    {bo}:<noun>:facet:<index>            zset    the values of a facet, score = number of records
    {bo}:map:<id>                        string  chunk map of an upload or a file, 53 bytes a chunk
    {bo}:map:<id>:scattered              hash    index -> entry: chunks of an upload that came far ahead of the others
                                                 and are not in its map yet
    {bo}:quota:<user>                    hash    used, reserved (bytes); versions: those of `used` that earlier versions
                                                 of files take
    {bo}:lists:<user>                    hash    list -> how that person has arranged it (JSON: columns, compact)
    {bo}:audit                           stream  field e: one event, canonical JSON
    {bo}:seals                           hash    number -> seal of exported entries (JSON); trimmed: what has left the
                                                 log (JSON); pending: up to which entry that is not carried out yet
    {bo}:by:<facet>:<value>              string  entries of the log by action, actor, ip: 8 bytes each (`log_index.py`);
                                                 of a long index the newest ones
    {bo}:by:<type>:<id>                  string  the same by object
    {bo}:segment:<n>:<name of an index>  string  older entries of a long one
    {bo}:segments:<name of an index>     string  its directory: the segments in their order, 16 bytes each
    {bo}:full                            set     keys of indexes that are to become segments, before anything is added
    {bo}:cut:<name of an index>          string  left by a trim of an earlier version that was stopped
    {bo}:request:<id>                    string  result of a commit, 2 minutes
    {bo}:daily:<what>:<user>:<day>       string  how many of a person's acts were counted, for a day
    {bo}:reads:<reader and file>.<span>  hash    how often a file was read in a span: times; from the second one on what
                                                 an event says of it
    {bo}:reads                           zset    those that are to be written into the log, score = end of the span (ms)
    {bo}:seen:<...>                      string  an event that is not repeated for a while
    {bo}:throttle:<kind>                 hash    network, name, browser, … -> failures and until when it waits (ms)
    {bo}:throttled:<kind>                zset    the same, score = when they are forgotten (ms)
    {bo}:refusals:<action>:counted       hash    refusals without an entry of their own: since, count, reasons, …
    {bo}:refusals:<action>:due           hash    the same of a time that is over: to be written into the log
    {bo}:refusals:<action>:<…>-networks  string  HyperLogLog of the networks they came from
    {bo}:refusals:<action>:places        hash    left: how many more have an entry of their own; at: as of when (ms)
    {bo}:epoch:roles                     string  rises with every change of a role
    {bo}:worker:<host>                   string  heartbeat of a worker, 30 seconds
    {bo}:workers                         zset    hosts of the workers of the last day, score = last heartbeat (s)
    {bo}:worked                          hash    what workers have done: `runs:<job>`, `ms:<job>`, … -> number
    {bo}:step:<job>                      hash    records of the step that a job is in, as far as they are done
    {bo}:keys                            hash    number -> data key, wrapped by a key of the site (JSON);
                                                 none where chunks are not encrypted
    {bo}:intents                         hash    id -> until when (ms) a chunk may be kept before its record comes
    {bo}:backup                          string  written by who makes a backup, so that it sees which changes came
                                                 before (`backup/tracked.py`); a minute
    {bo}:backup:lease                    string  who makes the scheduled backup just now
    {bo}:backup:lease:proof              string  which worker restores one on trial just now
    {bo}:backup:restoring                string  identifier of the archive, and the back end that its bytes go into: a
                                                 restore into this store was begun, and nothing else may use it
    {bo}:backup:lease:restore            string  who restores into it just now; some seconds (`backup/hold.py`)
    {bo}:install                         hash    created_at (ms), version, schema: how the store was set up;
                                                 chunks: the back end that has the bytes, `redis` or
                                                 `file:<identity of the directory>`;
                                                 barrier: written in order to wait for replicas (`replicas.py`);
                                                 looks, indexes: these have all (`looks.py`, `later_indexes.py`);
                                                 converted:<id>: that is in the log (`encryption/state.py`);
                                                  account_ends: by which rules `inactive_at` of all users was noted;
                                                 segments: no index of the log is longer than one (`long_indexes.py`);
                                                 done:…, at:…, changes:…: how far the migrations are (`migrations.py`)

Those of the bytes of files stand in `chunk_keys.py`.
"""

from __future__ import annotations

from dataclasses import dataclass

from backoffice.stores.chunk_keys import chunk_key, split_chunk_key

SEGMENT_BYTES = 1024 * 1024
"""Bytes of an index of the log under one key. Copying so many takes the store a millisecond."""

RESTORING, INSTALL = b"{*}:backup:restoring", b"{*}:install"
"""What these keys of all installations match: one that has bytes in the store has one of the others, too."""


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys of one installation. `prefix` is the hash tag of the control plane. `segment_bytes`: the most
    that a string of an index of the log has; 8 bytes an entry."""

    prefix: str = "bo"
    segment_bytes: int = SEGMENT_BYTES

    def _key(self, *parts: str) -> bytes:
        return ":".join((f"{{{self.prefix}}}", *parts)).encode()

    def record(self, noun: str, record_id: str) -> bytes:
        # Not by `_key`: a list asks for fifty.
        return f"{{{self.prefix}}}:{noun}:{record_id}".encode()

    def index(self, noun: str, index: str, scope: str = "") -> bytes:
        """`scope` is a facet's value for a facet, `<facet>=<value>` for another index within a facet."""
        return self._key(noun, "by", index, scope) if scope else self._key(noun, "by", index)

    def unique(self, noun: str, index: str) -> bytes:
        return self._key(noun, "one", index)

    @property
    def quota_near(self) -> bytes:
        """Users whose quota is nearly used up: the facet `quota` of `RedisUsers`."""
        return self.index("users", "quota", "near")

    def facet_values(self, noun: str, index: str) -> bytes:
        return self._key(noun, "facet", index)

    def chunk_map(self, file_id: str) -> bytes:
        return self._key("map", file_id)

    def scattered_chunks(self, upload_id: str) -> bytes:
        return self._key("map", upload_id, "scattered")

    def quota(self, user_id: str) -> bytes:
        return self._key("quota", user_id)

    def list_looks(self, user_id: str) -> bytes:
        return self._key("lists", user_id)

    @property
    def audit(self) -> bytes:
        return self._key("audit")

    def audit_index(self, facet: str, value: str) -> bytes:
        """`value` of an object is `<type>:<id>`, which says itself what it is: every file has such a key, and with one
        character more it would take 16 bytes more."""
        return self._key("by", value) if facet == "object" else self._key("by", facet, value)

    @property
    def seals(self) -> bytes:
        return self._key("seals")

    @property
    def full_bytes(self) -> int:
        """At this length an index of the log is full: so many are left that one commit has less (8,192 entries)."""
        return self.segment_bytes - self.segment_bytes // 128 * 8

    @property
    def full_indexes(self) -> bytes:
        return self._key("full")

    def segment(self, index: bytes, number: int) -> bytes:
        """A segment of an index of the log."""
        return self._key("segment", f"{number}:") + index[len(self._key("")) :]

    def segments(self, index: bytes) -> bytes:
        """The directory of an index's segments."""
        return self._key("segments:") + index[len(self._key("")) :]

    @property
    def all_indexes(self) -> bytes:
        """What the keys of all indexes of the log and of their directories match, and others."""
        return self._key("[bs]*")

    def segmented(self, key: bytes) -> bytes:
        """The index that a segment or directory belongs to."""
        name = key[len(self._key("segment")) :]
        return self._key("") + (name[2:] if name.startswith(b"s") else name.split(b":", 2)[2])

    def cut(self, index: bytes) -> bytes:
        """Where an earlier version copied an index of the log to, in order to trim it."""
        return self._key("cut:") + index[len(self._key("")) :]

    def request(self, request_id: str) -> bytes:
        return self._key("request", request_id)

    def seen(self, *what: str) -> bytes:
        return self._key("seen", *what)

    def reads(self, name: str) -> bytes:
        return self._key("reads", name)

    @property
    def reads_due(self) -> bytes:
        return self._key("reads")

    def daily(self, what: str, user_id: str, day: int) -> bytes:
        return self._key("daily", what, user_id, str(day))

    def throttle(self, kind: str) -> bytes:
        return self._key("throttle", kind)

    def throttled(self, kind: str) -> bytes:
        return self._key("throttled", kind)

    def refusals(self, action: str, part: str) -> bytes:
        return self._key("refusals", action, part)

    @property
    def roles_epoch(self) -> bytes:
        return self._key("epoch", "roles")

    def worker(self, host: str) -> bytes:
        return self._key("worker", host)

    @property
    def workers(self) -> bytes:
        return self._key("workers")

    @property
    def worked(self) -> bytes:
        return self._key("worked")

    def job_step(self, job_id: str) -> bytes:
        return self._key("step", job_id)

    @property
    def intents(self) -> bytes:
        return self._key("intents")

    @property
    def data_keys(self) -> bytes:
        return self._key("keys")

    @property
    def install(self) -> bytes:
        return self._key("install")

    @property
    def control_prefix(self) -> bytes:
        """How every key of the control plane begins."""
        return self._key("")

    @property
    def control_keys(self) -> bytes:
        """What they match."""
        return self._key("*")

    def named(self, name: bytes) -> bytes:
        """The key that is called so after the prefix."""
        return self.control_prefix + name

    def name_of(self, key: bytes) -> bytes:
        """What comes after the prefix."""
        return key[len(self.control_prefix) :]

    @property
    def backup_mark(self) -> bytes:
        return self._key("backup")

    def backup_lease(self, *of: str) -> bytes:
        return self._key("backup", "lease", *of)

    @property
    def restoring(self) -> bytes:
        return self._key("backup", "restoring")

    def split(self, key: bytes) -> tuple[str, ...]:
        """What comes after the prefix, at most four parts, for `fsck` alone; () for a key that is none of ours."""
        prefix = self._key("")
        return tuple(key[len(prefix) :].decode(errors="replace").split(":", 3)) if key.startswith(prefix) else ()

    def chunk(self, file_id: str, index: int) -> bytes:
        return chunk_key(file_id, index)

    def is_staged(self, key: bytes) -> bool:
        """Whether these are bytes on their way."""
        chunk, staged, _ = key.partition(b":staged:")
        return bool(staged) and split_chunk_key(chunk) is not None

    def staged(self, file_id: str, index: int, token: str) -> bytes:
        """Where the bytes of a chunk wait for the script that gives them their key. `token`: so that no two who send
        the same chunk share it."""
        return self.chunk(file_id, index) + f":staged:{token}".encode()
