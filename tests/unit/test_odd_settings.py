"""Whatever stands in a setting: it is taken, or refused with a line that begins with its name. Never a trace."""

from __future__ import annotations

from pathlib import Path

import pytest

from backoffice.settings import Settings, SettingsError, table

KEY = "k3y-Zq81_vTnB0c7LrXw2mJpAeHsYdUg49fIoVtR"
NAMES = [name for name, _, _ in table()]
ODD = [
    *("", " ", "-", ",", ",,", "0", "-1", "1" * 40, "1e9", "NaN", "0x10", "٣", "²", "☃", "é", "\udcff", "a\nb"),
    *("x" * 5000, "[", "]", "[::1", "::1%eth0", "%", "~", "~nobody-has-this-name/x", "/proc/none", "/dev/null", ".."),
    *("/dev/null/x", "true", "none", "unlimited", "file:", "file:~nobody-has-this-name", "file:/dev/null", "http://["),
    *("http://x:y", "https://x:0", f"https://{'x' * 300}", "https://ü.example", "https://.", "10.0.0.0/99", "::/129"),
    *("1.2.3.4/-1", "redis://[", "redis://h:1/2/3", "redis://h/٣", "redis://h/99999999999", "redis://h?x=1", "unix:"),
    *("redis://h#x", "redis+cluster://a,b?x=1", "redis+sentinel://a/b/²", "redis://h?socket_timeout=soon"),
    "rediss://h?ssl_ca_certs=",
]
UNREADABLE = ["/", "/dev/null", "/dev/zero", "/proc/self/mem", "/dev/null/x", "x" * 300, "\udcff", "~"]


def refusal(environ: dict[str, str]) -> list[str]:
    """What is wrong; nothing where it is taken."""
    try:
        settings = Settings.from_env(environ)
    except SettingsError as error:
        return error.problems
    assert settings.served_hosts
    return []


@pytest.mark.parametrize("name", NAMES)
def test_an_odd_value_is_taken_or_refused_in_a_line(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for value in ODD:
        for line in refusal({"APP_SECRET_KEY": KEY, name: value}):
            assert line.startswith(("BACKOFFICE_", name)), (value, line)
            assert "\n" not in line, value
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", NAMES)
def test_an_odd_path_of_a_file_with_the_value_too(name: str) -> None:
    for path in UNREADABLE:
        key = {"APP_SECRET_KEY": KEY} if name != "APP_SECRET_KEY" else {}
        assert refusal({**key, f"{name}_FILE": path})[0].startswith(f"{name}_FILE: "), path


@pytest.mark.parametrize(
    "url",
    [
        "redis://h:6379/99",
        "redis://h?db=3&client_name=site&max_connections=50&socket_timeout=2.5&health_check_interval=0",
        "rediss://h?ssl_cert_reqs=none&ssl_check_hostname=False&ssl_ca_certs=/etc/ca.pem&ssl_certfile=/a&ssl_keyfile=/b",
        "rediss+cluster://a:1,b:2",
        "rediss+cluster://a:1,b:2?ssl_ca_certs=/etc/ca.pem",
        "redis+sentinel://a:1,b:2/main/0?sentinel_password=x&sentinel_username=y",
        "rediss+sentinel://a:1,b:2/main?ssl_ca_certs=/etc/ca.pem&sentinel_password=x",
    ],
)
def test_options_of_an_address_that_are_known_are_taken(url: str) -> None:
    assert Settings.from_env({"APP_SECRET_KEY": KEY, "REDIS_URL": url}).redis_url == url


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("redis://h?decode_responses=True", "an option after ? that is not known"),
        ("redis://h?protocol=3", "an option after ? that is not known"),
        ("redis://h?ssl_cert_reqs=none", "an option after ? that is not known"),
        ("redis://:canary?x@h/0", "a ? in a password is written %3F"),
        ("redis://:canary#x@h/0", "in a password it is written %23"),
        ("redis://h?socket_timeout=canary", "no valid value for its option socket_timeout"),
        ("rediss://h?ssl_cert_reqs=canary", "no valid value for its option ssl_cert_reqs"),
        ("redis+cluster://a:1?max_connections=5", "an option after ? that is not known"),
        ("redis+cluster://a:1?ssl_ca_certs=/etc/ca.pem", "an option after ? that is not known"),
        ("redis+cluster://a:1?sentinel_password=x", "an option after ? that is not known"),
        ("redis://a:1?sentinel_password=x", "an option after ? that is not known"),
    ],
)
def test_options_that_would_break_the_site_are_refused(url: str, says: str) -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.from_env({"APP_SECRET_KEY": KEY, "REDIS_URL": url})
    [line] = caught.value.problems
    assert line.startswith("REDIS_URL ")
    assert says in line
    assert "canary" not in line


@pytest.mark.parametrize("written", ["", "2", "10.0.0.0/8, ::1/128"])
def test_trusted_proxies_are_shown_as_they_are_written(written: str) -> None:
    settings = Settings.from_env({"APP_SECRET_KEY": KEY, "BACKOFFICE_TRUSTED_PROXIES": written})
    assert str(settings.trusted_proxies) == written
