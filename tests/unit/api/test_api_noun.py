"""What the API gives to every noun: pages, entity tags, `If-Match`, and a description, tried on one that is written as
the next will be (`sample_noun.py`) over the users of a real site."""

from __future__ import annotations

from collections.abc import Iterator

import fakeredis
import pytest
from flask import Blueprint, Flask
from openapi_spec_validator import OpenAPIV31SpecValidator
from pydantic import BaseModel

from backoffice.composition import build_services
from backoffice.domain.acts import Acts
from backoffice.web.api.openapi import document
from backoffice.web.api.operation import Operation
from backoffice.web.factory import make_app
from backoffice.web.route_access import route_act
from tests.support import sample_noun
from tests.support.api_site import QUICK, Person, Site, problem, settings


def register(app: Flask) -> None:
    api = Blueprint("api", __name__)
    api.register_blueprint(sample_noun.bp)
    app.register_blueprint(api)


@pytest.fixture
def site() -> Iterator[Site]:
    with fakeredis.FakeRedis(server=fakeredis.FakeServer(server_type="valkey")) as client:
        chosen = settings()
        services = build_services(chosen, client, shebang=False, passwords=QUICK)
        yield Site(make_app(services, chosen, [register]), services, client)


def add(person: Person, name: str) -> str:
    answer = person.call("POST", "/people", json={"name": name})
    assert answer.status_code == 201, answer.text
    return str(answer.json["id"])  # type: ignore[index]


def test_a_list_goes_on_where_its_link_says(root: Person) -> None:
    for name in ("ann", "bob"):
        add(root, name)
    first = root.get("/people?limit=2")
    assert [one["name"] for one in first.json["items"]] == ["ann", "bob"]
    assert (first.json["total"], first.json["total_exact"]) == (3, True)
    assert first.headers["Link"] == f'</people?limit=2&cursor={first.json["next_cursor"]}>; rel="next"'
    second = root.get(first.headers["Link"][1:].partition(">")[0])
    assert [one["name"] for one in second.json["items"]] == ["rosa"]
    assert second.json["next_cursor"] is None
    assert "Link" not in second.headers


def test_what_is_read_is_what_was_written(root: Person) -> None:
    answer = root.get(f"/people/{add(root, 'ann')}")
    assert answer.json["name"] == "ann"
    assert answer.json["seen_at"] is None
    assert answer.json["created_at"].endswith("Z")
    assert answer.headers["ETag"] == f'"{answer.json["id"]}.1"'
    assert "password" not in answer.json


def test_a_change_demands_the_version_that_was_seen(root: Person) -> None:
    path = f"/people/{add(root, 'ann')}"
    seen = {"If-Match": root.get(path).headers["ETag"]}
    changed = root.call("PATCH", path, seen, json={"name": "anna"})
    assert (changed.status_code, changed.json["name"], changed.json["version"]) == (200, "anna", 2)
    for method, sent in (("PATCH", {"json": {"name": "late"}}), ("DELETE", {})):
        assert problem(root.call(method, path, seen, **sent), 412, "version_mismatch")["version"] == 2
    assert root.get(path).json["name"] == "anna"
    for demanded in ("", "*", '"other", {}'):
        seen = {"If-Match": demanded.format(changed.headers["ETag"])}
        changed = root.call("PATCH", path, seen, json={"name": f"ann{changed.json['version']}"})
        assert changed.status_code == 200
    assert root.call("DELETE", path, {"If-Match": changed.headers["ETag"]}).status_code == 204
    problem(root.get(path), 404, "not_found")


def test_it_describes_itself(site: Site) -> None:
    spec = document(site.app, "1", "About")
    OpenAPIV31SpecValidator(spec).validate()
    listed = spec["paths"]["/people"]["get"]
    assert "Link" in listed["responses"]["200"]["headers"]
    assert listed["responses"]["200"]["content"]["application/json"]["schema"] == {
        "$ref": "#/components/schemas/PageOf_PersonAnswer_"
    }
    assert spec["components"]["schemas"]["PersonAnswer"]["properties"].keys() == {
        "id",
        "name",
        "created_at",
        "seen_at",
        "version",
    }
    samples = [spec["paths"]["/people/{person_id}"][method]["x-codeSamples"] for method in ("get", "delete")]
    assert [sample["source"] for [sample] in samples] == [
        'curl -H "Authorization: Bearer $TOKEN" "$SITE/people/$PERSON_ID"',
        'curl -H "Authorization: Bearer $TOKEN" -X DELETE "$SITE/people/$PERSON_ID"',
    ]


def test_two_models_of_one_name_are_an_error(site: Site) -> None:
    class PersonAnswer(BaseModel):
        """Another model of that name."""

    @Operation("Twice", "People", answer=PersonAnswer)
    @route_act(Acts.USER_READ)
    def twice() -> str:
        """Never called."""
        return ""

    app = Flask("twice")
    register(app)
    app.add_url_rule("/twice", "api.twice", twice)
    with pytest.raises(RuntimeError, match="PersonAnswer"):
        document(app, "1", "About")
