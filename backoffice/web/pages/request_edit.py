"""What is entered of a request for files, and changing one that is there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from backoffice.domain.acts import Acts
from backoffice.domain.deliveries import RequestTerms
from backoffice.domain.limits import DEFAULT_REQUEST_BYTES, DEFAULT_REQUEST_FILES
from backoffice.domain.links import Link
from backoffice.errors import NotFound, VersionMismatch
from backoffice.web.context import services
from backoffice.web.identity import actor
from backoffice.web.pages.forms import MENDABLE
from backoffice.web.pages.share import beside_field, lives
from backoffice.web.route_access import route_act

MB: Final = 1000**2
FIELDS: Final = {"max_files": DEFAULT_REQUEST_FILES, "max_mb": DEFAULT_REQUEST_BYTES // MB, "max_file_mb": 0}
"""Numbers of the form, as a new request has them."""
_TERMS: Final = {"max_files": "max_files", "max_bytes": "max_mb", "max_file_size": "max_file_mb", "types": "types"}
"""What the request calls it, and the form."""


def register(bp: Blueprint) -> None:
    """Add the route."""
    bp.add_url_rule("/my/requests/<link_id>/edit", "request_edit", request_edit, methods=["GET", "POST"])


@route_act(Acts.REQUEST_UPDATE)
def request_edit(link_id: str) -> ResponseReturnValue:
    """A form of what guests read and what they may deliver. Only what is entered anew is changed."""
    link = _own(link_id)
    if request.method == "GET":
        return _form(link, _held(link), {})
    errors: dict[str, str] = {}
    wanted = _wanted(link, request.form, errors)
    if errors:
        return _form(link, request.form, errors), 400
    try:
        version = entered_number(request.form.get("version", ""))
        services().requests.update(actor(), link_id, version=version, **wanted)
    except VersionMismatch:
        link = _own(link_id)
        return _form(link, _held(link), {"link": "It was changed meanwhile. This is how it is now."}), 409
    except MENDABLE as error:
        return _form(link, request.form, _named(beside_field(error))), 400
    flash("The request is changed.", "success")
    return redirect(url_for("pages.request_one", link_id=link_id), 303)


def _own(link_id: str) -> Link:
    link = services().requests.get(actor(), link_id)
    if link.owner != actor().id or link.closed_at:
        raise NotFound
    return link


def _form(link: Link, given: Mapping[str, str], errors: Mapping[str, str]) -> str:
    rule = services().requests.rule(actor())
    known: dict[str, Any] = {"changed": link, "version": link.version, "rule": rule, "lives": lives(rule)}
    return render_template("request_edit.html", **known, given=given, errors=errors)


def _held(link: Link) -> dict[str, str]:
    """What holds now, as the form shows it: bytes in whole MB, and no less than one."""
    return {
        "name": link.name,
        "message": link.message,
        "max_files": str(link.max_files),
        "max_mb": str(-(-link.max_bytes // MB)),
        "max_file_mb": str(-(-link.max_file_size // MB)),
        "types": " ".join(link.types),
        "review": str(int(bool(link.review))),
    }


def _wanted(link: Link, form: Mapping[str, str], errors: dict[str, str]) -> dict[str, Any]:
    """What is to be different; what is no number is told in `errors`."""
    terms, held, wanted = entered_terms(form, errors), _held(link), dict[str, Any]()
    for name in ("name", "message"):
        if form.get(name, "").replace("\r\n", "\n") != held[name]:
            wanted[name] = form.get(name, "")
    for name, field in _TERMS.items():
        # A number of bytes that is no whole MB stays what it is, unless another is entered.
        if terms is not None and (form.get(field, "").strip() or "0") != (held[field] or "0"):
            wanted[name] = getattr(terms, name)
    if terms is not None and terms.review != int(held["review"]):
        wanted["review"] = terms.review
    if form.get("days"):
        days = entered_number(form["days"])
        if days is None:
            errors["days"] = "Choose how long it is open."
        wanted["days"] = days
    if form.get("password") or "no_password" in form:
        wanted["password"] = form.get("password", "")
    return wanted


def _named(errors: Mapping[str, str]) -> dict[str, str]:
    """Each beside the field of the form that it is about."""
    return {_TERMS.get(name, name): told for name, told in errors.items()}


def entered_terms(form: Mapping[str, str], errors: dict[str, str]) -> RequestTerms | None:
    """What was entered; what is no number is told in `errors`."""
    found = {}
    for name in FIELDS:
        number = entered_number(form.get(name, "").strip() or "0")
        if number is None:
            errors[name] = "A whole number, or nothing."
        else:
            found[name] = number
    if errors:
        return None
    types = tuple(form.get("types", "").replace(",", " ").split())
    review = int(form.get("review") == "1")
    return RequestTerms(found["max_files"], found["max_mb"] * MB, found["max_file_mb"] * MB, types, review)


def entered_number(text: str) -> int | None:
    """None: it is no number."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 9 else None
