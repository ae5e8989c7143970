"""What is done to records of an admin view: removing one, and actions on one or on all that are selected.

Every act is a POST, asks first where it cannot be taken back, and says what came of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

from flask import flash, redirect, request
from flask.typing import ResponseReturnValue
from flask_admin import expose
from flask_admin.actions import action

from backoffice.domain.permissions import Permission
from backoffice.errors import Conflict, Invalid, NotFound, TooLarge
from backoffice.web.admin.gate import Allowed, only_one
from backoffice.web.admin.listing import ListingView
from backoffice.web.admin.source import Act, Deletes, Removal, Source

MENDABLE = (Invalid, Conflict, TooLarge)
"""Errors about what was asked for: something else can be asked. Refusal, absence and outage go up."""

MAX_SELECTED = 500
NAMED_IN_QUESTION = 10


class ActingView(ListingView):
    """A list whose records can be removed and acted upon."""

    source: Source
    allowed: Allowed
    write_permission: ClassVar[Permission | None] = None
    delete_permission: ClassVar[Permission | None] = None
    action_permissions: ClassVar[Mapping[str, Permission]] = {}

    title_column: ClassVar[str] = ""
    """What a record is called on its own page; the first column of the list unless given."""
    noun: ClassVar[str] = "record"
    """What one record is, in sentences and on buttons: `user`, `role`."""
    logged_as: ClassVar[str] = ""
    """The type of its records in the log, where that is not the noun."""
    removal: ClassVar[Removal] = Removal()
    confirm_template = "admin/confirm.html"

    # Who may, and what there is

    def permissions_of(self, endpoint: str) -> tuple[Permission, ...]:
        if endpoint != "action_view":
            return super().permissions_of(endpoint)
        needed = {self._action_permission(name) for name in self._actions_data if self._acts(name)}
        return tuple(sorted(filter(None, needed)))

    def _action_permission(self, name: str) -> Permission | None:
        if name == "delete":
            return self.permission_for("delete_view")
        return self.action_permissions.get(name, self.write_permission)

    def is_action_allowed(self, name: str) -> bool:
        needed = self._action_permission(name)
        return self._acts(name) and needed is not None and self.allowed(needed)

    def _acts(self, name: str) -> bool:
        """Whether the view has this action: deleting is one of every view whose source can."""
        return name in self._actions_data and (name != "delete" or isinstance(self.source, Deletes))

    def may_delete(self, record: Any) -> bool:  # noqa: ARG002 - for subclasses
        """Whether this one record can be removed: hides the button, the service decides."""
        return True

    def acts(self, record: Any) -> Sequence[Act]:  # noqa: ARG002 - likewise
        """What can be done to this one record, for its own page; made with `act`."""
        return ()

    def act(self, name: str, back: str = "") -> list[Act]:
        """The action of this name for a record's own page, if the person may; afterwards one is at `back`, else at
        the record."""
        if not self.is_action_allowed(name):
            return []
        _, text, question = self._actions_data[name]
        return [Act(name, text, question, back)]

    # Records

    def get_pk_value(self, model: Any) -> str:
        return str(model.id)

    def record_title(self, record: Any) -> str:
        """What the record is called."""
        return str(getattr(record, self.title_column or self._list_columns[0][0]) or self.get_pk_value(record))

    def get_one(self, key: Any) -> Any:
        return self.source.get(key)

    def _return_url(self) -> str:
        """Where the page was opened from (the gate has checked it), else the list."""
        return request.values.get("url") or self.get_url(".index_view")

    # Removing

    def delete_question(self) -> str:
        """What is asked before one record is removed."""
        return self.removal.question or f"{self.removal.verb} this {self.noun}?"

    @expose("/delete/", methods=("POST",))  # type: ignore[untyped-decorator]
    def delete_view(self) -> ResponseReturnValue:
        """Removes one record, after a question that does not depend on a script."""
        record = self.get_one(only_one(request.form.getlist("id")))
        if request.form.get("confirmed") != "1":
            return self._ask(self.delete_question(), self.removal.verb, [record])
        if self.delete_model(record):
            flash(f"{self.record_title(record)} {self.removal.done}.", "success")
        return redirect(self._return_url())

    def delete_model(self, model: Any) -> bool:
        if not isinstance(self.source, Deletes):
            raise NotFound
        return self.each([self.get_pk_value(model)], self.source.delete) == 1

    # Actions

    @expose("/action/", methods=("POST",))  # type: ignore[untyped-decorator]
    def action_view(self) -> ResponseReturnValue:
        """Runs an action on the selected records, after its question."""
        name, ids = request.form.get("action", ""), list(dict.fromkeys(request.form.getlist("rowid")))
        if not self.is_action_allowed(name):
            raise NotFound("There is no such action.")
        if len(ids) > MAX_SELECTED:
            raise Invalid(f"At most {MAX_SELECTED} records at a time.")
        handler, text, question = self._actions_data[name]
        if not ids:
            flash("Select at least one row first.", "warning")
        elif question and request.form.get("confirmed") != "1":
            return self._ask(question, text, [self.get_one(key) for key in ids[:NAMED_IN_QUESTION]], len(ids))
        else:
            answer: ResponseReturnValue | None = handler(ids)
            if answer is not None:
                return answer
        return redirect(self._return_url())

    @action("delete", "Delete", "Delete the selected rows?")  # type: ignore[untyped-decorator]
    def action_delete(self, ids: list[str]) -> None:
        if not isinstance(self.source, Deletes):
            raise NotFound
        self.told(self.each(ids, self.source.delete), self.removal.done)

    def told(self, count: int, done: str) -> None:
        """Say of how many records something was done."""
        if count:
            plural = done.replace("was ", "were ", 1)
            flash(f"1 {self.noun} {done}." if count == 1 else f"{count} {self.noun}s {plural}.", "success")

    def each(self, ids: Sequence[str], call: Callable[[str], Any]) -> int:
        """Call `call` for each id and count what went well; say why the others did not."""
        done = 0
        for key in ids:
            try:
                call(key)
                done += 1
            except NotFound:
                flash(f"{key} is not there any more.", "warning")
            except MENDABLE as exc:
                flash(str(exc), "error")
        return done

    def _ask(self, question: str, verb: str, records: Sequence[Any], count: int = 1) -> str:
        """The same question that the page's dialog asks, as a page of its own."""
        names = [self.record_title(record) for record in records]
        return str(
            self.render(
                self.confirm_template,
                question=question,
                verb=verb,
                names=names,
                unnamed=count - len(names),
                return_url=self._return_url(),
            )
        )
