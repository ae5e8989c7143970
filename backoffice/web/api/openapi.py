"""The API described in OpenAPI 3.1: made from the routes, their declarations and the models that check requests."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

from flask import Flask
from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema
from werkzeug.routing import Rule

from backoffice.errors import BackofficeError, Invalid, NotAllowed, NotSignedIn, Unavailable, VersionMismatch
from backoffice.web.api.operation import BYTES, Operation, operation_of
from backoffice.web.api.parsing import JSON
from backoffice.web.api.responses import CursorPageOf, Problem
from backoffice.web.api.versions import ETAG, IF_MATCH
from backoffice.web.cookies import SESSION
from backoffice.web.csrf import HEADER
from backoffice.web.errors import HTTP_ERRORS, status_of
from backoffice.web.problem import CONTENT_TYPE, title_of
from backoffice.web.route_access import SAFE_METHODS, Who, access_of

BLUEPRINT: Final = "api"
_VARIABLE: Final = re.compile(r"<(?:\w+:)?(\w+)>")
_REF: Final = "#/components/schemas/{model}"
_BINARY: Final[dict[str, Any]] = {"type": "string", "format": "binary"}
_PARTIAL: Final = 206
_ANY: Final = "*/*"
"""A file is sent under its own type, where that is a harmless one."""

Document = dict[str, Any]


def document(app: Flask, version: str, about: str, root: str = "") -> Document:
    """The description of every route of the API that `app` has; `root`: the path that the site is below.

    Raises RuntimeError when a route says nothing of itself.
    """
    routes = [(rule, _described(app, rule)) for rule in app.url_map.iter_rules() if is_api(rule)]
    return {
        "openapi": "3.1.0",
        "info": {"title": "backoffice", "version": version, "description": about, "license": _LICENSE},
        "servers": [{"url": f"{root}/"}],
        "security": [{"token": []}, {"session": [], "csrf": []}],
        "tags": [{"name": name} for name in dict.fromkeys(about_it.tag for _, about_it in routes)],
        "paths": _paths(app, routes),
        "components": {
            "schemas": _schemas([about_it for _, about_it in routes]),
            "securitySchemes": _SCHEMES,
        },
    }


def component_name(model: type[BaseModel]) -> str:
    """How pydantic names a model: `FileAnswer`; `PageOf_FileAnswer_` for `PageOf[FileAnswer]`."""
    return re.sub(r"\W", "_", model.__name__)


def is_api(rule: Rule) -> bool:
    """Whether the rule belongs to the API (and not to a page or a probe)."""
    return str(rule.endpoint).partition(".")[0] == BLUEPRINT


def template(rule: Rule) -> str:
    """The rule's path as OpenAPI writes it, and as all rules of this shape share it: `/files/{file_id}`."""
    return _VARIABLE.sub(lambda found: "{" + _SHARED.get(found[1], found[1]) + "}", rule.rule)


_SHARED: Final = {"name": "file_id"}
"""`PUT /files/{name}` has the shape of `GET /files/{file_id}`, and OpenAPI wants one spelling for both."""

_LICENSE: Final = {"name": "MIT", "identifier": "MIT"}
_SCHEMES: Final[dict[str, Any]] = {
    "token": {"type": "http", "scheme": "bearer", "description": "An API token; make one under Account"},
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": f"__Host-{SESSION}",
        "description": (
            "The cookie of a browser that is signed in (`backoffice` where the site has no TLS; port and a mark of the"
            " path follow where the site has them)"
        ),
    },
    "csrf": {
        "type": "apiKey",
        "in": "header",
        "name": HEADER,
        "description": "With the cookie, on everything but GET and HEAD",
    },
}


def _described(app: Flask, rule: Rule) -> Operation:
    about = operation_of(app.view_functions[rule.endpoint])
    if about is None:
        raise RuntimeError(f"{rule} ({rule.endpoint}) does not describe itself")
    return about


def _schemas(operations: list[Operation]) -> Document:
    """The schema of every model, by name. A body is described as it comes in, an answer as it goes out."""
    modes: dict[type[BaseModel], JsonSchemaMode] = {Problem: "serialization"}
    for about in operations:
        modes.update((model, "validation") for model in about.body.values() if _is_model(model))
        if _is_model(about.answer):
            modes[about.answer] = "serialization"
    models = sorted(modes.items(), key=lambda item: component_name(item[0]))
    _, definitions = models_json_schema(models, ref_template=_REF)
    found = {name: _readable(schema) for name, schema in definitions["$defs"].items()}
    lost = [str(model) for model in modes if component_name(model) not in found]
    if lost:
        raise RuntimeError(f"two models have the same name: {', '.join(lost)}")
    return found


def _is_model(value: Any) -> bool:
    return isinstance(value, type) and issubclass(value, BaseModel)


def _readable(schema: Document) -> Document:
    """Each property with its description at hand, and without the title that pydantic makes of its name."""
    for field in schema.get("properties", {}).values():
        field.pop("title", None)
        for one in field.get("anyOf", ()):
            field.setdefault("description", one.pop("description", None))
        if field.get("description", "") is None:
            del field["description"]
    return schema


def _paths(app: Flask, routes: list[tuple[Rule, Operation]]) -> Document:
    paths: Document = {}
    for rule, about in routes:
        item = paths.setdefault(template(rule), {})
        methods = sorted((rule.methods or set()) - {"OPTIONS"})
        for method in methods:
            item[method.lower()] = _operation(app, rule, about, method)
    return paths


def _operation(app: Flask, rule: Rule, about: Operation, method: str) -> Document:
    view = app.view_functions[rule.endpoint]
    access = access_of(app, rule.endpoint)
    name = rule.endpoint.rpartition(".")[2]
    if about.versioned:
        about = _speaking_of_versions(about, method)
    found: Document = {
        "operationId": name if method != "HEAD" else f"{name}_head",
        "summary": about.summary,
        "description": " ".join((view.__doc__ or "").split()),
        "tags": [about.tag],
        "parameters": list(_parameters(rule, about)),
        "responses": _responses(about, method),
    }
    if access is not None and access.who in (Who.HOLDER, Who.SIGNED_IN):
        # Empty: whoever is signed in.
        found["x-permissions"] = [str(permission) for permission in access.permissions]
    if about.body and method not in SAFE_METHODS:
        found["requestBody"] = {"required": True, "content": {kind: _content(m) for kind, m in about.body.items()}}
    if method != "HEAD":
        sample = (about.curl or _curl(rule, method)).replace("curl ", 'curl -H "Authorization: Bearer $TOKEN" ', 1)
        found["x-codeSamples"] = [{"lang": "Shell", "label": "curl", "source": sample}]
    return found


def _speaking_of_versions(about: Operation, method: str) -> Operation:
    """The operation with what follows from its being about a version of a record."""
    if about.answer is not None:
        about = replace(about, sends={**ETAG, **about.sends})
    if method in SAFE_METHODS or about.status == 201:
        return about
    return replace(about, headers={**IF_MATCH, **about.headers}, raises=(*about.raises, VersionMismatch))


def _curl(rule: Rule, method: str) -> str:
    path = _VARIABLE.sub(lambda found: f"${found[1].upper()}", rule.rule)
    return f'curl "$SITE{path}"' if method == "GET" else f'curl -X {method} "$SITE{path}"'


def _content(model: Any) -> Document:
    return {"schema": _BINARY if model is BYTES else {"$ref": _REF.format(model=component_name(model))}}


def _parameters(rule: Rule, about: Operation) -> Iterator[Document]:
    for variable in _VARIABLE.findall(rule.rule):
        meaning = about.path.get(variable, "Identifier")
        name = _SHARED.get(variable, variable)
        yield {"name": name, "in": "path", "required": True, "description": meaning, "schema": {"type": "string"}}
    if about.query is not None:
        schema = about.query.model_json_schema(ref_template=_REF)
        # A body that is not raw carries these fields itself.
        needed = () if len(about.body) > 1 else schema.get("required", ())
        for name, field in schema["properties"].items():
            yield _query_parameter(name, field, needed=name in needed)
    for name, meaning in about.headers.items():
        if name != "Content-Type":  # OpenAPI has request bodies for that
            yield {"name": name, "in": "header", "description": meaning, "schema": {"type": "string"}}


def _query_parameter(name: str, field: Document, *, needed: bool) -> Document:
    present = [one for one in field.get("anyOf", ()) if one.get("type") != "null"]
    if len(present) == 1:  # a query leaves out what JSON could say `null` for
        field = {**field, **present[0]}
    schema = {key: value for key, value in field.items() if key not in {"title", "description", "anyOf"}}
    if schema.get("default") in (None, ""):
        schema.pop("default", None)
    found: Document = {"name": name, "in": "query", "schema": schema}
    if needed:
        found["required"] = True
    if "description" in field:
        found["description"] = field["description"]
    return found


def _responses(about: Operation, method: str) -> Document:
    found: Document = {str(about.status): _success(about, method)}
    for status, meaning in about.also.items():
        if method != "HEAD" or status != _PARTIAL:
            found[str(status)] = {"description": meaning, "headers": _headers(about.sends)}
            if status == _PARTIAL:
                found[str(status)]["content"] = {_ANY: {"schema": _BINARY}}
    for status, codes in sorted(_problems(about).items()):
        found[str(status)] = {
            "description": f"{title_of(status)}: {', '.join(f'`{code}`' for code in codes)}",
            "content": {CONTENT_TYPE: {"schema": {"$ref": _REF.format(model="Problem")}}},
        }
        if method == "HEAD":
            del found[str(status)]["content"]
    return found


def _success(about: Operation, method: str) -> Document:
    found: Document = {"description": title_of(about.status), "headers": _headers(_success_headers(about))}
    if about.answer is not None and method != "HEAD":
        found["content"] = {_ANY if about.answer is BYTES else JSON: _content(about.answer)}
    return found


def _success_headers(about: Operation) -> Mapping[str, str]:
    paged = _is_model(about.answer) and issubclass(about.answer, CursorPageOf)
    return {"Link": "`rel=next`: the page after this one", **about.sends} if paged else about.sends


def _headers(sends: Mapping[str, str]) -> Document:
    return {name: {"description": meaning, "schema": {"type": "string"}} for name, meaning in sends.items()}


def _problems(about: Operation) -> dict[int, list[str]]:
    """Status -> codes: those every operation can answer, and its own."""
    errors: tuple[type[BackofficeError], ...] = (Invalid, NotSignedIn, NotAllowed, Unavailable, *about.raises)
    found: dict[int, list[str]] = {500: [BackofficeError.code]}
    for error in errors:
        found.setdefault(status_of(error()), []).append(error.code)
    extra = [415] if about.body and about.answer is not None else []
    extra += [416] if about.answer is BYTES else []
    for status in extra:
        found.setdefault(status, []).append(HTTP_ERRORS[status][0])
    return {status: list(dict.fromkeys(codes)) for status, codes in found.items()}
