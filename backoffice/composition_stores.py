"""The stores of the control plane and that of the chunks, over one connection, as `composition.py` joins them with the
services."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

from backoffice.domain.encryption import Encryption
from backoffice.embedded.data_dir import DataDirectoryError, Layout
from backoffice.embedded.directory_key import DirectoryKeys
from backoffice.errors import KeyMissing
from backoffice.services.chunk_ports import ChunkStore
from backoffice.services.sign_in.passwords import StepAside
from backoffice.settings import Settings
from backoffice.site_keys import site_keys_of
from backoffice.stores.backup.raw_chunks import raw_chunks
from backoffice.stores.bounds import Bounds
from backoffice.stores.chunks.disk import Disk
from backoffice.stores.chunks.files import FileChunks
from backoffice.stores.chunks.redis import RedisChunks
from backoffice.stores.client import Db
from backoffice.stores.durability import RedisDurability, RedisHealth
from backoffice.stores.encryption.chunks import EncryptedChunks
from backoffice.stores.encryption.data_keys import DataKeys
from backoffice.stores.encryption.state import RedisEncryption
from backoffice.stores.files import RedisFiles
from backoffice.stores.folders import RedisFolders
from backoffice.stores.identities import RedisIdentities
from backoffice.stores.intents import RedisIntents
from backoffice.stores.keys import Keys
from backoffice.stores.links import RedisLinks
from backoffice.stores.log.audit import RedisAudit
from backoffice.stores.roles import RedisRoles
from backoffice.stores.sessions import RedisSessions
from backoffice.stores.shares import RedisShares
from backoffice.stores.throttle import RedisThrottle
from backoffice.stores.tokens import RedisTokens
from backoffice.stores.uploads import RedisUploads
from backoffice.stores.user_with_roles import RedisAccounts
from backoffice.stores.users import RedisUsers


class Stores:
    """The stores of the control plane, over one connection, and that of the chunks with what says whether they can be
    kept."""

    def __init__(self, settings: Settings, db: Db, step_aside: StepAside) -> None:
        keys = Keys(settings.key_prefix)
        bounds = Bounds(settings.max_files, settings.max_acts, settings.quota_bytes, settings.keep_versions)
        self.db, self.keys, self.bounds = db, keys, bounds
        place = embedded_directory(settings)
        self.durability, self.health = RedisDurability(db, keys, settings.replicas), RedisHealth(db, place)
        bytes_ = chunk_store(settings, db, keys, self.durability, self.health, step_aside)
        self.chunk_files = bytes_ if isinstance(bytes_, FileChunks) else None
        site_keys = site_keys_of(settings)
        only = bool(settings.encrypted_only)
        sealed = EncryptedChunks(bytes_, DataKeys(db, keys, site_keys), only=only) if site_keys else None
        self.chunks: ChunkStore = sealed or bytes_
        self.encryption, self.encrypts = RedisEncryption(db, keys, site_keys, sealed), sealed is not None
        self.directory_keys = None if place is None else DirectoryKeys(Layout.at(place), site_keys)
        self.raw_chunks = raw_chunks(db, keys, bytes_, sealed)
        self.users, self.roles = RedisUsers(db, keys, bounds), RedisRoles(db, keys)
        self.tokens, self.sessions = RedisTokens(db, keys), RedisSessions(db, keys)
        self.audit, self.throttle = RedisAudit(db, keys, bounds), RedisThrottle(db, keys)
        self.accounts = RedisAccounts(db, keys, self.users, self.roles)
        self.identities = RedisIdentities(db, keys, self.users, self.roles, self.tokens, self.sessions)
        self.files, self.folders = RedisFiles(db, keys, bounds), RedisFolders(db, keys, bounds)
        self.links, self.shares = RedisLinks(db, keys, bounds), RedisShares(db, keys, bounds)
        self.uploads = RedisUploads(db, keys, self.files)
        self.intents = RedisIntents(db, keys, self.durability.barrier)

    def encryption_state(self) -> Encryption:
        """What is encrypted, and by which keys. Raises KeyMissing where the file of the directory's key is damaged."""
        try:
            directory_key = None if self.directory_keys is None else self.directory_keys.state()
        except DataDirectoryError as error:
            raise KeyMissing(str(error)) from error
        return replace(self.encryption.state(), directory_key=directory_key)


def chunk_store(
    settings: Settings,
    db: Db,
    keys: Keys,
    durability: RedisDurability,
    health: RedisHealth,
    step_aside: StepAside = nullcontext,
) -> RedisChunks | FileChunks:
    """The back end that BACKOFFICE_CHUNKS names."""
    directory = settings.chunks.directory
    if directory is not None:
        return FileChunks(Disk(directory))
    return RedisChunks(db, keys, durability, health, step_aside)


def embedded_directory(settings: Settings) -> Path | None:
    """The data directory of the store, when it is the embedded one."""
    return settings.data_dir if settings.redis_url.startswith("unix:") and settings.data_dir.is_dir() else None
