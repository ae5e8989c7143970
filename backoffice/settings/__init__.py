"""What the operator decides: read once, typed, and refused whole when any of it is wrong.

`Settings.from_env` is the only reader of the environment and of `.env`. Every name may also be given as `NAME_FILE`,
the path of a file that holds the value. An empty value counts as not given. Sizes are bytes, durations seconds.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from backoffice.domain.limits import (
    DEFAULT_LINK_DAYS,
    KEEP_VERSIONS,
    MAX_INACTIVE_DAYS,
    MAX_LINK_DAYS,
    MAX_SHARE_DAYS,
    MAX_VERSIONS,
)
from backoffice.secret import Secret
from backoffice.settings import parsers as read
from backoffice.settings.addresses import local_url
from backoffice.settings.contradictions import contradictions, proxy_doubt
from backoffice.settings.cores import usable_cores
from backoffice.settings.parsers import ChunkPlace, Durability, Environment, TrustedProxies
from backoffice.settings.sources import Sources
from backoffice.settings.store_url import store_url
from backoffice.settings.weak_secrets import KEY_MISSING, weak_secrets

__all__ = [
    "KEY_MISSING",
    "ChunkPlace",
    "Durability",
    "Environment",
    "Secret",
    "Settings",
    "SettingsError",
    "TrustedProxies",
    "local_url",
    "proxy_doubt",
    "table",
]

MIB: Final = 1024**2
GIB: Final = 1024**3
HOUR: Final = 3600
DAY: Final = 24 * HOUR


class SettingsError(Exception):
    """The settings cannot be used. `problems` has one line for each thing to mend."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


def _setting(name: str, parse: Callable[[str], Any], default: Any, about: str, *, secret: bool = False) -> Any:
    metadata = {"name": name, "parse": parse, "about": about, "secret": secret}
    return dataclasses.field(default=default, repr=not secret, metadata=metadata)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """All settings of one process. Tests may build one directly; programs use `from_env`."""

    redis_url: str = _setting("REDIS_URL", store_url, "", "Address of Redis; empty: the embedded store", secret=True)
    redis_password: Secret | None = _setting("REDIS_PASSWORD", Secret, None, "Its password", secret=True)
    secret_keys: tuple[Secret, ...] = _setting(
        "APP_SECRET_KEY", read.secrets, (), "Signing keys, comma-separated: the first signs, all verify", secret=True
    )
    admin_users: tuple[str, ...] = _setting("ADMIN_USERS", read.listed, ("admin",), "Users who get the admin role")
    environment: Environment = _setting(
        "FLASK_ENV", read.choice(Environment), Environment.PRODUCTION, "`production` or `development`"
    )
    log_level: str = _setting("LOG_LEVEL", read.log_level, "INFO", "`DEBUG`, `INFO`, `WARNING` or `ERROR`")

    data_dir: Path = _setting("BACKOFFICE_DATA_DIR", read.directory, Path("var"), "Where the embedded store lives")
    admin_password: Secret | None = _setting(
        "BACKOFFICE_ADMIN_PASSWORD", Secret, None, "Password of the first admins, used on the first start", secret=True
    )
    public_url: str = _setting("BACKOFFICE_PUBLIC_URL", read.web_url, "", "The site's address as its users see it")
    trusted_proxies: TrustedProxies = _setting(
        "BACKOFFICE_TRUSTED_PROXIES",
        read.proxies,
        TrustedProxies(),
        "How many proxies stand in front, or their networks",
    )
    allowed_hosts: tuple[str, ...] = _setting(
        "BACKOFFICE_ALLOWED_HOSTS",
        read.hosts,
        (),
        "Host names answered to, besides that of the public URL and loopback",
    )

    chunk_size: int = _setting("BACKOFFICE_CHUNK_SIZE", read.size(64 * 1024), 2 * MIB, "Size long bodies are cut into")
    max_chunk_size: int = _setting("BACKOFFICE_MAX_CHUNK_SIZE", read.size(64 * 1024), 4 * MIB, "Largest chunk taken")
    max_file_size: int = _setting("BACKOFFICE_MAX_FILE_SIZE", read.size(1), 64 * GIB, "Largest file taken")
    max_chunks: int = _setting("BACKOFFICE_MAX_CHUNKS", read.number(1, 1_000_000), 100_000, "Most chunks in a file")
    max_open_uploads: int = _setting(
        "BACKOFFICE_MAX_OPEN_UPLOADS", read.number(1, 100_000), 100, "Unfinished uploads one user may have"
    )
    quota_bytes: int | None = _setting(
        "BACKOFFICE_QUOTA_BYTES", read.optional_size, 100 * GIB, "What a user may store, or `unlimited`"
    )
    max_files: int = _setting(
        "BACKOFFICE_MAX_FILES",
        read.number(1, 100_000_000),
        100_000,
        "Files one user may have, as many in the trash, and as many earlier versions",
    )
    keep_versions: int = _setting(
        "BACKOFFICE_KEEP_VERSIONS",
        read.number(0, MAX_VERSIONS),
        KEEP_VERSIONS,
        "Earlier versions of a file that are kept when it gets other content; 0: none",
    )
    max_acts: int = _setting(
        "BACKOFFICE_MAX_ACTS",
        read.number(1000, 1_000_000_000),
        100_000,
        "Uploads, downloads and changes of files that one user may make in a day",
    )
    upload_ttl: int = _setting(
        "BACKOFFICE_UPLOAD_TTL", read.duration(60), DAY, "An upload left alone this long is dropped"
    )
    upload_max_age: int = _setting("BACKOFFICE_UPLOAD_MAX_AGE", read.duration(60), 7 * DAY, "No upload lives longer")
    trash_ttl: int = _setting(
        "BACKOFFICE_TRASH_TTL", read.duration(0), 30 * DAY, "How long deleted files can be restored"
    )

    durability: Durability = _setting(
        "BACKOFFICE_DURABILITY", read.choice(Durability), Durability.DISK, "Embedded store: `disk`, `os` or `memory`"
    )
    chunks: ChunkPlace = _setting(
        "BACKOFFICE_CHUNKS", read.chunk_place, ChunkPlace(), "Where file bytes lie: `redis` or `file:DIRECTORY`"
    )
    encryption_keys: tuple[Secret, ...] = _setting(
        "BACKOFFICE_ENCRYPTION_KEYS", read.encryption_keys, (), "Encrypt file bytes by these keys", secret=True
    )
    kms_command: Path | None = _setting("BACKOFFICE_KMS_COMMAND", read.program, None, "Program that wraps their keys")
    encrypted_only: int = _setting("BACKOFFICE_ENCRYPTED_ONLY", read.number(0, 1), 0, "1: refuse plain bytes of files")
    encrypt_data: int = _setting(
        "BACKOFFICE_ENCRYPT_DATA",
        read.number(0, 1),
        0,
        "1: the file system encrypts all that the embedded store writes, names too, by a key that these wrap",
    )
    replicas: int = _setting("BACKOFFICE_REPLICAS", read.number(0, 5), 0, "Replicas that must have a file before 201")
    store_memory: int | None = _setting(
        "BACKOFFICE_STORE_MEMORY",
        read.optional_size,
        None,
        "Most memory of the embedded store; empty: 60 % of the machine's",
    )
    key_prefix: str = _setting(
        "BACKOFFICE_KEY_PREFIX", read.key_prefix, "bo", "Start of every key of the control plane"
    )

    session_idle: int = _setting(
        "BACKOFFICE_SESSION_IDLE", read.duration(60), HOUR // 2, "Signed out when idle this long"
    )
    session_max: int = _setting("BACKOFFICE_SESSION_MAX", read.duration(60), 12 * HOUR, "Signed out after this long")
    inactive_days: int = _setting(
        "BACKOFFICE_INACTIVE_DAYS",
        read.number(0, MAX_INACTIVE_DAYS),
        0,
        "Days without signing in after which an account ends, unless it or its roles say another number; 0: never",
    )

    link_days: int = _setting(
        "BACKOFFICE_LINK_DAYS",
        read.number(1, MAX_SHARE_DAYS),
        DEFAULT_LINK_DAYS,
        "Days of a share link, unless chosen",
    )
    max_link_days: int = _setting("BACKOFFICE_MAX_LINK_DAYS", read.number(1, MAX_SHARE_DAYS), MAX_LINK_DAYS, "Its most")
    link_password: int = _setting(
        "BACKOFFICE_LINK_PASSWORD", read.number(0, 1), 0, "1: share links need a password; 0: as roles say"
    )

    backup_dir: Path | None = _setting(
        "BACKOFFICE_BACKUP_DIR", read.directory, None, "Where the worker puts backups; empty: it makes none"
    )
    backup_hours: int = _setting(
        "BACKOFFICE_BACKUP_HOURS", read.number(0, 10_000), 24, "Hours from one of them to the next; 0: none by itself"
    )
    backup_keep: int = _setting("BACKOFFICE_BACKUP_KEEP", read.number(1, 1000), 7, "How many of them stay")
    backup_full: int = _setting(
        "BACKOFFICE_BACKUP_FULL",
        read.number(1, 1000),
        7,
        "Every so many-th one has all contents, the others those that came since; 1: each",
    )
    backup_prove: int = _setting(
        "BACKOFFICE_BACKUP_PROVE",
        read.number(0, 1000),
        7,
        "Every so many-th one is restored on trial into a store of its own; 0: none by itself",
    )
    backup_key: Secret | None = _setting(
        "BACKOFFICE_BACKUP_KEY",
        Secret,
        None,
        "What encrypts them: the text of a key file, or a pass phrase",
        secret=True,
    )

    host: str = _setting("BACKOFFICE_HOST", read.host, "127.0.0.1", "Address the web server listens on")
    port: int = _setting("BACKOFFICE_PORT", read.number(0, 65535), 5000, "Port it listens on; 0: any free one")
    web_workers: int = _setting("BACKOFFICE_WEB_WORKERS", read.number(1, 64), 2, "Web processes; empty: one per core")
    web_threads: int = _setting("BACKOFFICE_WEB_THREADS", read.number(2, 256), 16, "Threads of each")
    address_connections: int = _setting(
        "BACKOFFICE_ADDRESS_CONNECTIONS", read.number(1, 100_000), 100, "Connections of one address to a web process"
    )
    address_requests: int = _setting(
        "BACKOFFICE_ADDRESS_REQUESTS",
        read.number(1, 100_000),
        32,
        "Requests of one address without a sign-in at once in a web process",
    )
    person_requests: int = _setting(
        "BACKOFFICE_PERSON_REQUESTS", read.number(1, 100_000), 12, "Requests of one person at once in a web process"
    )
    requests_per_minute: int = _setting(
        "BACKOFFICE_REQUESTS_PER_MINUTE",
        read.number(1, 100_000_000),
        60_000,
        "Requests a minute of one person or address to a web process",
    )

    client_token: Secret | None = _setting(
        "BACKOFFICE_TOKEN", Secret, None, "API token that `upload` and `download` send", secret=True
    )

    origins: Mapping[str, str] = dataclasses.field(default_factory=dict, compare=False, repr=False)
    """Name of a setting -> where its value was found; those that are not in here have their defaults."""

    @property
    def production(self) -> bool:
        return self.environment is Environment.PRODUCTION

    @property
    def served_hosts(self) -> frozenset[str]:
        """Host names a request may carry, without port, in lower case."""
        public = urlsplit(self.public_url).hostname
        own = {"localhost", "127.0.0.1", "::1", self.host} | ({public} if public else set())
        return frozenset(own | set(self.allowed_hosts))

    @property
    def site_url(self) -> str:
        """The site's address as its users see it; without a public one, as a browser on this machine does."""
        return self.public_url.rstrip("/") or local_url(self.host, self.port)

    @classmethod
    def from_env(cls, environ: Mapping[str, str], dotenv: Path | None = None, *, need_secret: bool = True) -> Settings:
        """Read `environ`, and `dotenv` (when that file exists) for what `environ` does not have.

        Raises SettingsError naming everything that is wrong. `need_secret=False` lets a missing APP_SECRET_KEY pass:
        for `up`, which makes one, and for commands that sign nothing.
        """
        fields = {f.metadata["name"]: f for f in _fields()}
        sources = Sources(fields.keys(), environ, dotenv)
        problems = sources.problems
        values: dict[str, Any] = {"web_workers": usable_cores()}
        bad: set[str] = set()
        for name, field in fields.items():
            before = len(problems)
            text = sources.text(name)
            try:
                if text is not None:
                    values[field.name] = field.metadata["parse"](text)
            except ValueError as error:
                problems.append(f"{name} {error}")
            if len(problems) > before:
                bad.add(name)
        origins = {name: origin for name in fields if (origin := sources.origin(name))}
        settings = cls(**values, origins=origins)
        problems += contradictions(settings, {f.name: f.metadata["name"] for f in _fields()})
        if settings.production:
            needed = need_secret and "APP_SECRET_KEY" not in bad
            problems += weak_secrets(settings.secret_keys, settings.admin_password, required=needed)
        if problems:
            raise SettingsError(problems)
        return settings


def table() -> list[tuple[str, Any, str]]:
    """Name, default and meaning of every setting, for documents and `doctor`."""
    return [(f.metadata["name"], f.default, f.metadata["about"]) for f in _fields()]


def _fields() -> list[dataclasses.Field[Any]]:
    """Those that are settings."""
    return [one for one in dataclasses.fields(Settings) if "name" in one.metadata]
