"""The API's description: true to the routes, valid, readable, and every answer of the API is in it."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from flask import Flask
from hypothesis import HealthCheck, given, settings
from openapi_spec_validator import OpenAPIV31SpecValidator
from schemathesis import GenerationMode
from schemathesis.core.result import Ok
from werkzeug.routing import Rule

from backoffice import __version__
from backoffice.errors import BackofficeError
from backoffice.web.api.openapi import Document, document, is_api, template
from backoffice.web.route_access import Who, access_of
from tests.support.api_site import Person, Site, imitated_site
from tests.support.tus import Tus, id_of

EXAMPLES = int(os.environ.get("API_EXAMPLES", "2"))
"""For each operation; a long search sets the variable."""
METHODS = {"get", "put", "post", "delete", "patch", "head"}


WITHOUT_PERMISSION = ("/admin/views", "/admin/acts/{entry_id}/undo")
"""Whoever is signed in may ask: for own views, and to undo an act, for which the service asks what the act takes."""


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with imitated_site() as site:
        yield site


@pytest.fixture(scope="module")
def root(site: Site) -> Person:
    return site.person("rosa", "admin")


@pytest.fixture(scope="module")
def spec(site: Site) -> Document:
    answer = site.anybody("GET", "/openapi.json")
    assert answer.status_code == 200
    found: Document = answer.json  # type: ignore[assignment]
    return found


def operations(spec: Document) -> Iterator[tuple[str, str, Document]]:
    for path, item in spec["paths"].items():
        for method in METHODS & item.keys():
            yield method, path, item[method]


def rules(app: Flask) -> Iterator[Rule]:
    return (rule for rule in app.url_map.iter_rules() if is_api(rule))


def test_every_route_is_described_and_nothing_else(site: Site, spec: Document) -> None:
    routes = {
        (method.lower(), template(rule)) for rule in rules(site.app) for method in (rule.methods or set()) - {"OPTIONS"}
    }
    assert {(method, path) for method, path, _ in operations(spec)} == routes


def test_it_is_valid_and_tells_strangers_no_version_of_the_product(spec: Document) -> None:
    OpenAPIV31SpecValidator(spec).validate()
    assert spec["openapi"] == "3.1.0"
    assert spec["info"]["version"] == "1"
    assert __version__ not in json.dumps(spec)


def test_a_route_that_does_not_describe_itself_is_an_error(site: Site) -> None:
    app = Flask("bare")
    app.add_url_rule("/x", "api.x", lambda: "")
    with pytest.raises(RuntimeError, match=r"api\.x"):
        document(app, "1", "")


def test_every_operation_says_what_it_needs(site: Site, spec: Document) -> None:
    names = []
    for method, path, operation in operations(spec):
        names.append(operation["operationId"])
        assert operation["summary"], path
        assert operation["description"], path
        assert operation["x-permissions"] or path.startswith(WITHOUT_PERMISSION), path
        assert {"401", "403", "500", "503"} <= operation["responses"].keys(), path
        if method != "head":
            [sample] = operation["x-codeSamples"]
            assert "Bearer $TOKEN" in sample["source"]
            assert "$SITE/" in sample["source"]
    assert len(set(names)) == len(names)
    for rule in rules(site.app):
        access = access_of(site.app, rule.endpoint)
        assert access is not None
        assert access.who is (
            Who.SIGNED_IN if rule.rule.startswith(("/admin/views", "/admin/acts/<entry_id>/undo")) else Who.HOLDER
        )


def test_codes_are_those_of_the_errors(spec: Document) -> None:
    known = {code for cls in _tree(BackofficeError) for code in [cls.code]}
    known |= {"unsupported_media_type", "range_not_satisfiable"}
    for _, path, operation in operations(spec):
        for status, response in operation["responses"].items():
            if int(status) >= 400:
                assert set(re.findall(r"`(\w+)`", response["description"])) <= known, (path, status)


schemathesis.serializer.alias("application/offset+octet-stream", "application/octet-stream")


def _tree(cls: type[BackofficeError]) -> Iterator[type[BackofficeError]]:
    yield cls
    for below in cls.__subclasses__():
        yield from _tree(below)


def test_the_page(site: Site) -> None:
    page = site.anybody("GET", "/docs", headers={"Accept": "text/html"})
    assert page.status_code == 200
    for text in ("/upload_chunk", "/files/{file_id}", "Send a chunk", "curl -H", "chunks_missing"):
        assert text in page.text, text
    assert "//cdn" not in page.text
    assert not re.search(r"""(?:src|href)=["'](?:https?:)?//""", page.text)


def test_described_is_what_is_answered(site: Site, root: Person, spec: Document) -> None:
    """Real answers have the fields, and only the fields, that the description names."""
    file_id, upload_id = root.upload("a.txt"), root.start(b"x", 2)
    for path, template_path in (
        ("/files", "/files"),
        (f"/files/{file_id}/metadata", "/files/{file_id}/metadata"),
        (f"/uploads/{upload_id}", "/uploads/{file_id}"),
        (f"/uploads/{upload_id}/chunks", "/uploads/{file_id}/chunks"),
        ("/uploads", "/uploads"),
        ("/limits", "/limits"),
        ("/admin/users", "/admin/users"),
        (f"/admin/users/{root.id}", "/admin/users/{user_id}"),
        ("/admin/roles", "/admin/roles"),
        ("/admin/sessions", "/admin/sessions"),
        ("/admin/tokens", "/admin/tokens"),
    ):
        schema = spec["paths"][template_path]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
        _same_fields(spec, schema, root.get(path).json, path)


def _same_fields(spec: Document, schema: Document, value: Any, where: str) -> None:
    if "$ref" in schema:
        schema = spec["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    if schema.get("type") == "object":
        assert value.keys() == schema["properties"].keys(), where
        for name, field in schema["properties"].items():
            _same_fields(spec, field, value[name], f"{where}.{name}")
    elif schema.get("type") == "array" and "items" in schema:
        for one in value:
            _same_fields(spec, schema["items"], one, where)


@pytest.mark.parametrize("mode", GenerationMode)
def test_whatever_is_sent_the_answer_is_in_the_description(site: Site, root: Person, mode: GenerationMode) -> None:
    """What the description allows, and what it does not: never a 5xx, never an answer that is not described."""
    schema = schemathesis.openapi.from_wsgi("/openapi.json", site.app)
    file_id, upload_id = root.upload("known.txt"), root.start(b"x", 2)
    streamed = id_of(Tus.of(root).begin(5))
    somebody = site.somebody("user").id  # whose token is not the one that asks
    checks = (
        schemathesis.checks.not_a_server_error,
        schemathesis.checks.status_code_conformance,
        schemathesis.checks.content_type_conformance,
        schemathesis.checks.response_schema_conformance,
    )
    for found in schema.get_all_operations():
        assert isinstance(found, Ok)

        @settings(max_examples=EXAMPLES, deadline=None, database=None, suppress_health_check=list(HealthCheck))
        @given(case=found.ok().as_strategy(generation_mode=mode))
        def send(case: schemathesis.Case) -> None:
            headers = {**(case.headers or {}), "Authorization": f"Bearer {root.token}"}
            if case.path.startswith("/tus/"):
                headers["Tus-Resumable"] = "1.0.0"
            for name, known in (
                ("file_id", upload_id if "/uploads" in case.path else file_id),
                ("user_id", somebody),
                ("upload_address", streamed),
            ):
                # Half of the time something that is there.
                if name in (case.path_parameters or {}) and len(str(case.path_parameters[name])) % 2:
                    case.path_parameters[name] = known
            case.call_and_validate(headers=headers, checks=checks)

        send()
