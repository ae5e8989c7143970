"""Settings: read once, typed, and refused whole with a line for each problem (K1, K3, H7)."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from backoffice.secret import Secret, weakness
from backoffice.settings import ChunkPlace, Durability, Environment, Settings, SettingsError, table
from backoffice.units import parse_duration, parse_size

KEY = "k3y-Zq81_vTnB0c7LrXw2mJpAeHsYdUg49fIoVtR"
GOOD = {"APP_SECRET_KEY": KEY}


def problems(environ: dict[str, str], dotenv: Path | None = None) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        Settings.from_env(environ, dotenv)
    return caught.value.problems


def test_defaults_are_safe() -> None:
    settings = Settings.from_env(GOOD)
    assert settings.production
    assert settings.host == "127.0.0.1"
    assert not settings.trusted_proxies
    assert settings.durability is Durability.DISK
    assert (settings.session_idle, settings.session_max) == (1800, 43200)
    assert settings.admin_users == ("admin",)
    assert settings.admin_password is None


def test_every_setting_has_a_meaning_and_a_name_of_its_own() -> None:
    names = [name for name, _, _ in table()]
    assert len(set(names)) == len(names)
    assert all(about for _, _, about in table())


def test_nothing_given_names_what_is_missing() -> None:
    [line] = problems({})
    assert line.startswith("APP_SECRET_KEY is missing")


def test_all_problems_are_named_at_once_one_line_each() -> None:
    found = problems(
        {
            "APP_SECRET_KEY": "changeme",
            "REDIS_URL": "http://x",
            "BACKOFFICE_CHUNK_SIZE": "big",
            "BACKOFFICE_CHUNKSIZE": "1MiB",
            "BACKOFFICE_PORT": "70000",
            "FLASK_ENV": "prod",
        }
    )
    names = [
        "BACKOFFICE_CHUNKSIZE",
        "REDIS_URL",
        "FLASK_ENV",
        "BACKOFFICE_CHUNK_SIZE",
        "BACKOFFICE_PORT",
        "APP_SECRET_KEY",
    ]
    assert [line.split()[0] for line in found] == names
    assert all("\n" not in line for line in found)


def test_an_unknown_name_is_refused_with_the_nearest() -> None:
    assert problems({**GOOD, "BACKOFFICE_QUOTA_BYTE": "1"}) == [
        "BACKOFFICE_QUOTA_BYTE is not a setting: did you mean BACKOFFICE_QUOTA_BYTES?"
    ]
    assert problems({**GOOD, "BACKOFFICE_XYZZY": "1"}) == ["BACKOFFICE_XYZZY is not a setting"]


@pytest.mark.parametrize(
    "key",
    [
        "secret",
        "change-me",
        "dev",
        "q8Zr2LmX9c7tVw1pB4nK6sJd0fGhYu3",
        "x" * 64,
        "CHANGE_ME_TO_A_COMPLEX_RANDOM_SECRET",
        "192b9bdd22ab9ed4d12e236c78afcb9a393ec15f71bbf5dc987d54727823bcbf",
        "ababababababababababababababababab",
    ],
)
def test_k1_a_known_short_or_repeating_secret_is_refused_in_production(key: str) -> None:
    [line] = problems({"APP_SECRET_KEY": key})
    assert line.startswith("APP_SECRET_KEY ")
    assert Settings.from_env({"APP_SECRET_KEY": key, "FLASK_ENV": "development"}).secret_keys == (Secret(key),)


def test_k1_each_key_of_a_rotation_is_checked() -> None:
    assert problems({"APP_SECRET_KEY": f"{KEY},short"}) == [
        "APP_SECRET_KEY (key 2 of 2) is too short (5 characters; at least 32)"
    ]
    settings = Settings.from_env({"APP_SECRET_KEY": f"{KEY}, {KEY[::-1]}"})
    assert [key.reveal() for key in settings.secret_keys] == [KEY, KEY[::-1]]


def test_where_the_bytes_lie(tmp_path: Path) -> None:
    assert Settings.from_env(GOOD).chunks == ChunkPlace(None)
    for text, place in (("redis", None), (f"file:{tmp_path}", tmp_path), ("file:here", Path("here"))):
        chunks = Settings.from_env({**GOOD, "BACKOFFICE_CHUNKS": text}).chunks
        assert (chunks, str(chunks)) == (ChunkPlace(place), text)
    (tmp_path / "file").touch()
    for text in ("file", "file:", "redis:x", "s3:bucket", "FILE:x", str(tmp_path), f"file:{tmp_path / 'file'}"):
        [line] = problems({**GOOD, "BACKOFFICE_CHUNKS": text})
        assert line.startswith("BACKOFFICE_CHUNKS must be ")


def test_a_random_key_is_not_called_weak() -> None:
    assert weakness(KEY) is None


def test_a_short_admin_password_is_refused() -> None:
    assert problems({**GOOD, "BACKOFFICE_ADMIN_PASSWORD": "admin"}) == [
        "BACKOFFICE_ADMIN_PASSWORD is too short (at least 8 characters)"
    ]


def test_k3_no_secret_shows_in_a_repr_a_problem_or_a_pickle() -> None:
    canary = "canary-7f3a"
    settings = Settings.from_env(
        {
            "APP_SECRET_KEY": KEY + canary,
            "REDIS_URL": f"redis://:{canary}@localhost/0",
            "REDIS_PASSWORD": canary,
            "BACKOFFICE_ADMIN_PASSWORD": canary,
        }
    )
    assert canary not in repr(settings)
    assert canary not in str(settings.redis_password)
    with pytest.raises(TypeError):
        pickle.dumps(settings.redis_password)
    for url in (f"redis://:{canary}@:0/x", f"http://{canary}", f"redis://{canary}[", f"redis+sentinel://:{canary}@h:1"):
        assert not any(canary in line for line in problems({**GOOD, "REDIS_URL": url})), url


@pytest.mark.parametrize(
    "url",
    [
        "redis://localhost",
        "redis://:pw@127.0.0.1:6379/2",
        "redis://[::1]:6379",
        "rediss://user:pw@redis.example.org:6380/0",
        "unix:///run/redis.sock",
        "unix://:pw@/run/redis.sock",
        "redis+sentinel://a:26379,b:26379,c/mymaster/0",
        "redis+sentinel://:pw@a:26379/mymaster",
        "redis+cluster://a:7000,b:7001",
    ],
)
def test_addresses_of_all_kinds_are_accepted(url: str) -> None:
    assert Settings.from_env({**GOOD, "REDIS_URL": url}).redis_url == url


@pytest.mark.parametrize(
    "url",
    [
        "localhost:6379",
        "redis://",
        "redis://h:99999",
        "redis://a:1,b:2",
        "redis://h/x",
        "unix://run.sock",
        "unix:///",
        "redis+sentinel://a:26379",
        "redis+sentinel://a/mymaster/zero",
        "redis+cluster://a:7000/1",
    ],
)
def test_other_addresses_are_refused(url: str) -> None:
    [line] = problems({**GOOD, "REDIS_URL": url})
    assert line.startswith("REDIS_URL ")


def test_a_value_may_come_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text(f"{KEY}\n")
    assert Settings.from_env({"APP_SECRET_KEY_FILE": str(path)}).secret_keys[0].reveal() == KEY


def test_files_that_cannot_serve_are_named(tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("\n")
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "huge").write_bytes(b"x" * 100_000)
    for name, why in (("gone", "No such file"), ("empty", "is empty"), ("binary", "UTF-8"), ("huge", "too large")):
        [line] = problems({"APP_SECRET_KEY_FILE": str(tmp_path / name)})
        assert line.startswith("APP_SECRET_KEY_FILE: "), line
        assert why in line
    assert problems({"APP_SECRET_KEY": KEY, "APP_SECRET_KEY_FILE": "x"}) == [
        "APP_SECRET_KEY and APP_SECRET_KEY_FILE are both set: keep one"
    ]


def test_dotenv_stands_behind_the_environment(tmp_path: Path) -> None:
    dotenv = tmp_path / ".env"
    dotenv.write_text(
        f'# ours\nexport APP_SECRET_KEY="{KEY}"\nBACKOFFICE_PORT=1111\nLOG_LEVEL=debug\nPATH=/elsewhere\n'
    )
    settings = Settings.from_env({"BACKOFFICE_PORT": "2222"}, dotenv)
    assert (settings.port, settings.log_level, settings.secret_keys[0].reveal()) == (2222, "DEBUG", KEY)


def test_a_secret_file_in_the_environment_hides_the_value_in_dotenv(tmp_path: Path) -> None:
    (tmp_path / "key").write_text(KEY[::-1])
    (tmp_path / ".env").write_text(f"APP_SECRET_KEY={KEY}\n")
    settings = Settings.from_env({"APP_SECRET_KEY_FILE": str(tmp_path / "key")}, tmp_path / ".env")
    assert settings.secret_keys[0].reveal() == KEY[::-1]


def test_a_broken_line_of_dotenv_is_named(tmp_path: Path) -> None:
    dotenv = tmp_path / ".env"
    dotenv.write_text(f"APP_SECRET_KEY={KEY}\nBACKOFFICE_PORT\nBACKOFFICE_PROT=1\n")
    assert problems({}, dotenv) == [
        f"{dotenv}: line 2 is not NAME=value",
        "BACKOFFICE_PROT is not a setting: did you mean BACKOFFICE_PORT?",
    ]


def test_empty_counts_as_not_given() -> None:
    settings = Settings.from_env({**GOOD, "REDIS_URL": "", "BACKOFFICE_PORT": "", "REDIS_PASSWORD": ""})
    assert (settings.redis_url, settings.port, settings.redis_password) == ("", 5000, None)


def test_values_that_contradict_each_other_are_named() -> None:
    found = problems(
        {
            **GOOD,
            "BACKOFFICE_CHUNK_SIZE": "32MiB",
            "BACKOFFICE_SESSION_IDLE": "2d",
            "BACKOFFICE_UPLOAD_TTL": "4w",
            "BACKOFFICE_MAX_CHUNKS": "10",
        }
    )
    assert [line.split()[0] for line in found] == [
        "BACKOFFICE_CHUNK_SIZE",
        "BACKOFFICE_UPLOAD_TTL",
        "BACKOFFICE_SESSION_IDLE",
        "BACKOFFICE_MAX_FILE_SIZE",
    ]


def test_h7_proxies_are_a_count_or_networks() -> None:
    assert Settings.from_env({**GOOD, "BACKOFFICE_TRUSTED_PROXIES": "2"}).trusted_proxies.count == 2
    networks = Settings.from_env({**GOOD, "BACKOFFICE_TRUSTED_PROXIES": "10.0.0.0/8, ::1"}).trusted_proxies.networks
    assert [str(network) for network in networks] == ["10.0.0.0/8", "::1/128"]
    for wrong in ("all", "*", "10.0.0.1/8", "-1", "99"):
        assert problems({**GOOD, "BACKOFFICE_TRUSTED_PROXIES": wrong})[0].startswith("BACKOFFICE_TRUSTED_PROXIES ")


def test_h6_served_hosts_are_loopback_the_public_one_and_those_given() -> None:
    settings = Settings.from_env(
        {**GOOD, "BACKOFFICE_PUBLIC_URL": "https://Files.example.org:8443/", "BACKOFFICE_ALLOWED_HOSTS": "intra"}
    )
    assert settings.public_url == "https://files.example.org:8443"
    assert settings.served_hosts == {"localhost", "127.0.0.1", "::1", "files.example.org", "intra"}


@pytest.mark.parametrize(
    ("given", "url"),
    [
        ({}, "http://127.0.0.1:5000"),
        ({"BACKOFFICE_HOST": "0.0.0.0"}, "http://127.0.0.1:5000"),  # noqa: S104 - a setting's value
        ({"BACKOFFICE_HOST": "::"}, "http://[::1]:5000"),
        ({"BACKOFFICE_HOST": "fd00::7", "BACKOFFICE_PORT": "80"}, "http://[fd00::7]:80"),
        ({"BACKOFFICE_HOST": "::", "BACKOFFICE_PUBLIC_URL": "https://x.example/"}, "https://x.example"),
    ],
)
def test_the_address_that_links_begin_with(given: dict[str, str], url: str) -> None:
    assert Settings.from_env({**GOOD, **given}).site_url == url


@pytest.mark.parametrize(
    "url", ["files.example.org", "ftp://x", "https://x//sub", "https://u:p@x", "https://x?q", "https://"]
)
def test_a_public_url_that_links_cannot_be_built_on_is_refused(url: str) -> None:
    assert problems({**GOOD, "BACKOFFICE_PUBLIC_URL": url})[0].startswith("BACKOFFICE_PUBLIC_URL ")


def test_quota_may_be_unlimited() -> None:
    assert Settings.from_env({**GOOD, "BACKOFFICE_QUOTA_BYTES": "unlimited"}).quota_bytes is None
    assert Settings.from_env({**GOOD, "BACKOFFICE_QUOTA_BYTES": "5 GB"}).quota_bytes == 5 * 1000**3


def test_environment_is_spelled_out() -> None:
    assert Settings.from_env({"FLASK_ENV": "Development"}).environment is Environment.DEVELOPMENT


@pytest.mark.parametrize(
    ("text", "value"),
    [("0", 0), ("1k", 1024), ("512MiB", 512 * 1024**2), ("1.5 GB", 1_500_000_000), ("2tib", 2 * 1024**4)],
)
def test_sizes(text: str, value: int) -> None:
    assert parse_size(text) == value


@pytest.mark.parametrize("text", ["", "-1", "1.0001B", "MiB", "1 MiBs", "1e9", "٣", "1" * 30, "0x10", "1,5GB"])
def test_what_is_no_size(text: str) -> None:
    with pytest.raises(ValueError, match="must"):
        parse_size(text)


@pytest.mark.parametrize(("text", "value"), [("90", 90), ("30m", 1800), ("12h", 43200), ("7d", 604800), ("1.5h", 5400)])
def test_durations(text: str, value: int) -> None:
    assert parse_duration(text) == value


@pytest.mark.parametrize("text", ["", "soon", "-5m", "1y", "0.5s"])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match="must"):
        parse_duration(text)
