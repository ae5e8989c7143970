"""Where a browser finds what listens."""

from __future__ import annotations


def local_url(host: str, port: int) -> str:
    """The address, for a browser on this machine, of what listens on `host` (which may mean every interface)."""
    loopback = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - compared, not bound
    return f"http://{f'[{loopback}]' if ':' in loopback else loopback}:{port}"
