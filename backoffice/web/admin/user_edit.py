"""Changing a user in a form: beside each setting what holds now; what comes of other roles, before they are saved."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from flask import request
from flask_admin.form import BaseForm

from backoffice.domain.acts import Acts
from backoffice.domain.users import User
from backoffice.web.admin.access_panel import can_explain, setting_sources
from backoffice.web.admin.consequences import signed_out
from backoffice.web.admin.fields import form_data, seen_version
from backoffice.web.admin.record_forms import FORM_ERRORS
from backoffice.web.admin.role_preview import groups, hit_words
from backoffice.web.context import services
from backoffice.web.identity import actor, may

if TYPE_CHECKING:
    from backoffice.web.admin.base import ServiceView

    Base = ServiceView
else:
    Base = object

NOT_KEPT: Final = frozenset({"csrf_token", "confirmed", "back"})
"""What the question does not repeat of what was sent."""


class UserEditing(Base):
    """What the view of users has besides."""

    def edit_form(self, obj: Any = None) -> BaseForm:
        form: BaseForm = super().edit_form(obj)
        for name, said in setting_sources(obj).items():
            if name in form:
                form[name].description = f"{form[name].description} Now: {said}."
        return form

    def update_model(self, form: BaseForm, model: User) -> bool:
        """Other roles are asked about, with what comes of them, where something ends for good or is lost by that."""
        if "back" in request.form:
            return False
        roles = form["roles"].data if "roles" in form else model.roles
        if request.form.get("confirmed") != "1" and set(roles) != set(model.roles):
            try:
                self.service.foresee(actor(), model.id, version=seen_version(form, model), **form_data(form))
            except FORM_ERRORS as error:
                self._show_problem(form, error, model)
                return False
            asked = _foreseen(model, sorted(roles))
            if asked is not None:
                self._template_args["asked"] = asked
                kept = [pair for pair in request.form.items(multi=True) if pair[0] not in NOT_KEPT]
                self._template_args["sent"] = kept
                return False
        return bool(super().update_model(form, model))


def _foreseen(user: User, roles: Sequence[str]) -> dict[str, Any] | None:
    """What is to be told of other roles; None: no right is lost by them, no token ends, and no link or share is hit."""
    found = services().consequences.of(actor(), user.id)
    effects = services().access.if_user(actor(), user.id, roles) if can_explain() else None
    lines = signed_out(found)
    lost = effects is not None and any(one.lost for one in effects.effects)
    links = shares = None
    if may(Acts.LINK_READ) and may(Acts.SHARE_READ) and may(Acts.ROLE_READ):
        then = replace(found.user, roles=tuple(roles))
        links = services().link_effects.if_user(actor(), found.user, then)
        shares = services().share_effects.if_user(actor(), found.user, then)
    hit = (links is not None and links.total) or (shares is not None and shares.total)
    if not lost and not found.tokens and not hit:
        return None  # whoever is signed in signs in again
    return {
        "lines": lines,
        "effects": effects,
        "groups": groups(effects) if effects is not None else (),
        "added": sorted(set(roles) - set(user.roles)),
        "taken": sorted(set(user.roles) - set(roles)),
        "links": links,
        "shares": shares,
        "hits": hit_words(links),
        "last_admin": effects is not None and effects.last_admin,
    }
