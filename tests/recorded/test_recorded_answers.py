"""What people and programs rely on, recorded: requests and answers, the API's description, commands, settings, keys.

Every area of `answers/` was recorded by 0.1.0 and is compared with what the code of today answers. A difference that is
meant is recorded anew, and is then seen in the change:

    RECORD_ANSWERS=1 .venv/bin/python -m pytest tests/recorded

What an area asks stands in its script (`*_script.py`, `facts.py`); what is volatile, in `normal.py`.
A new route must be asked for in a script: `test_every_route_is_recorded` says which one is not.
"""

from __future__ import annotations

import difflib
import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from tests.recorded import (
    admin_script,
    api_script,
    facts,
    links_script,
    pages_script,
    people_script,
    requests_script,
    shares_script,
    tus_script,
    uploads_script,
    versions_script,
)
from tests.recorded.session import Recorded

# The imitation has the same contract tests as the real server; what is answered over it would be the same again.
pytestmark = pytest.mark.real_only

ANSWERS = Path(__file__).with_name("answers")
RECORDING = bool(os.environ.get("RECORD_ANSWERS"))
AREAS: dict[str, Callable[[Recorded], None]] = {
    "uploads": uploads_script.uploads,
    "tus": tus_script.tus,
    "files": api_script.files,
    "versions": versions_script.versions,
    "administration": people_script.administration,
    "jobs": api_script.jobs,
    "machines": api_script.machines,
    "sign-in": pages_script.sign_in,
    "account": pages_script.account,
    "own-files": pages_script.own_files,
    "links": pages_script.links,
    "requests": requests_script.requests,
    "shared-folders": links_script.shared_folders,
    "shared-texts": links_script.shared_texts,
    "shares": shares_script.shares,
    "admin-lists": admin_script.admin_lists,
    "admin-deeds": admin_script.admin_deeds,
    "admin-refusals": admin_script.admin_refusals,
}
METHODS = frozenset({"get", "post", "put", "patch", "delete"})
FACTS: dict[str, Callable[[], Any]] = {"commands": facts.commands, "settings": facts.settings}


def compare(name: str, found: Any) -> None:
    """With what is recorded under this name; when recording, put it there."""
    path = ANSWERS / f"{name}.json"
    text = json.dumps(found, indent=1, ensure_ascii=False) + "\n"
    if RECORDING:
        path.write_text(text, "utf-8")
        return
    wanted = path.read_text("utf-8") if path.exists() else ""
    if text != wanted:
        lines = difflib.unified_diff(wanted.splitlines(), text.splitlines(), "recorded", "now", lineterm="", n=12)
        pytest.fail("\n".join([f"{path.name} differs:", *lines][:200]), pytrace=False)


@pytest.mark.parametrize("area", AREAS)
def test_the_answers_are_the_recorded_ones(redis: Redis, area: str) -> None:
    site = Recorded(redis)
    AREAS[area](site)
    compare(area, site.exchanges)


@pytest.mark.parametrize("name", FACTS)
def test_what_operators_type_is_what_is_recorded(name: str) -> None:
    compare(name, FACTS[name]())


def test_the_description_is_the_recorded_one(fake: Redis) -> None:
    site = Recorded(fake)
    answer = site.app.test_client().get("/openapi.json")
    assert answer.content_type == "application/json"
    compare("openapi", json.loads(json.dumps(answer.get_json(), sort_keys=True)))


def test_the_keys_in_the_store_are_the_recorded_ones(redis: Redis) -> None:
    site = Recorded(redis)
    facts.fill(site)
    compare("keys", facts.keys(site))


# -- nothing is left out


@pytest.fixture(scope="module")
def recorded() -> list[dict[str, Any]]:
    return [one for area in AREAS for one in json.loads((ANSWERS / f"{area}.json").read_text("utf-8"))]


def test_every_route_is_recorded(fake: Redis, recorded: list[dict[str, Any]]) -> None:
    site = Recorded(fake)
    routes = {
        f"{method} {rule}"
        for rule in site.app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    asked = {one["route"] for one in recorded}
    assert routes - asked == set(), "add it to a script, and record (see the head of this file)"


def test_every_operation_of_the_api_is_recorded_with_success_and_failure(
    fake: Redis, recorded: list[dict[str, Any]]
) -> None:
    paths = Recorded(fake).app.test_client().get("/openapi.json").get_json()["paths"]
    described = {
        (method.upper(), re.sub(r"{\w+}", "{}", path))
        for path, item in paths.items()
        for method in item
        if method in METHODS
    }
    statuses: dict[tuple[str, str], set[int]] = {}
    for one in recorded:
        method, _, rule = one["route"].partition(" ")
        statuses.setdefault((method, re.sub(r"<[\w:]+>", "{}", rule)), set()).add(one["status"])
    for operation in sorted(described):
        found = statuses.get(operation, set())
        assert any(status < 300 for status in found), operation
        public = operation[1] in {"/livez", "/readyz"}
        assert public or 401 in found, operation
