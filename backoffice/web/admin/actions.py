"""What is done to records of an admin view, to one or to all that are selected.

    @bulk_action("disable", "Disable", "Disable? Whoever is disabled is signed out at once.", act=Acts.USER_DISABLE)
    def disable(self, ids: list[str]) -> None:
        self.actions.for_each(ids, self.service.disable, "was disabled")

Every action is a POST, asks first where it has a question, and says what came of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final, TypeVar

from flask import flash, redirect, request
from flask.typing import ResponseReturnValue

from backoffice.domain.access import Actor
from backoffice.domain.acts import Act
from backoffice.domain.limits import MAX_SELECTED
from backoffice.errors import BackofficeError, Conflict, Invalid, NotAllowed, NotFound, ReauthRequired, TooLarge
from backoffice.web.admin.bulk import is_job, run_job
from backoffice.web.admin.messages import doing, flash_count, flash_distinct, flash_done
from backoffice.web.identity import actor, may
from backoffice.web.route_access import access_to
from backoffice.web.route_guard import require_access

if TYPE_CHECKING:
    from backoffice.web.admin.base import ServiceView

Handler = Callable[..., ResponseReturnValue | None]
"""Given the identifiers. An answer of its own, or None for going back to where the person was."""
M = TypeVar("M", bound=Handler)

USER_ERRORS: Final = (Invalid, Conflict, TooLarge)
"""Errors about what was asked for: something else can be asked. Refusal, absence and outage are none."""

NAMED_IN_QUESTION: Final = 10
MAX_SHOWN_ID: Final = 64
"""Characters of an identifier that is repeated in a message: whoever asks may send any."""
_MARK: Final = "__bulk_action__"


@dataclass(frozen=True, slots=True)
class BulkAction:
    """Something that can be done to the selected records. Without a question it is done at once."""

    name: str
    text: str
    question: str
    run: Handler
    act: Act


@dataclass(frozen=True, slots=True)
class RowAction:
    """A bulk action offered for one record, as a button of its own page. Afterwards one is at `back`, else there."""

    name: str
    text: str
    question: str = ""
    back: str = ""


@dataclass(frozen=True, slots=True)
class RowButton:
    """An action that each row of a list offers, for it is what one comes for; deleting is then in the row's menu."""

    name: str
    text: str
    icon: str


@dataclass(frozen=True, slots=True)
class Link:
    """A further place to go from a record, shown on its details page. `url` is made with `url_for`."""

    label: str
    url: str
    icon: str = "arrow-right"


@dataclass(frozen=True, slots=True)
class OneTimeSecret:
    """A record with a secret that is shown once, in the answer itself: never in the session or an address."""

    record: Any
    title: str
    secret: str
    help: str


@dataclass(frozen=True, slots=True)
class DeleteLabels:
    """What deleting means in a view: on buttons, in the question ("": made of the verb), and afterwards; then the
    button ("": the verb) and the question for several. `on_page`: one is asked about on a page of its own always, for
    it has to be told what comes of it. `asks`: False for what can be undone, which the message afterwards offers."""

    verb: str = "Delete"
    question: str = ""
    done: str = "was deleted"
    bulk_verb: str = ""
    bulk_question: str = "Delete the selected rows?"
    on_page: bool = False
    asks: bool = True


def bulk_action(name: str, text: str, question: str = "", *, act: Act) -> Callable[[M], M]:
    """The method of a view does this act to the selected records."""

    def mark(method: M) -> M:
        setattr(method, _MARK, BulkAction(name, text, question, method, act))
        return method

    return mark


def marked_actions(view: object) -> Iterator[BulkAction]:
    """Those of the view's methods that `bulk_action` marks, by the methods' names."""
    for attribute in dir(type(view)):
        marked = getattr(getattr(type(view), attribute), _MARK, None)
        if isinstance(marked, BulkAction):
            yield replace(marked, run=getattr(view, attribute))


class ViewActions:
    """The actions of one view: deleting, and those that the view marks. One that nobody may do is not there."""

    def __init__(self, view: ServiceView) -> None:
        self._view = view
        found, labels = list(marked_actions(view)), view.delete_labels
        if view.acts.delete is not None:
            text, question = labels.bulk_verb or labels.verb, labels.bulk_question if labels.asks else ""
            found.insert(0, BulkAction("delete", text, question, self._delete_each, view.acts.delete))
        self._by_name = {action.name: action for action in found}

    @property
    def acts(self) -> list[Act]:
        """What the actions change, by the permissions that they take."""
        return sorted({of.act for of in self._by_name.values() if not of.act.reads}, key=lambda act: str(act.foreign))

    def permitted(self) -> list[BulkAction]:
        """What the person asking may do, in the order of the buttons."""
        return [action for action in self._by_name.values() if may(action.act, everybody=True)]

    def row_action(self, name: str, record: Any, back: str = "") -> list[RowAction]:
        """The action of this name for a record's own page, if the person may do that to this record."""
        found = (one for one in self.permitted() if one.name == name and self._view.permits(one.act, record))
        return [RowAction(name, one.text, one.question, back) for one in found]

    def act_of(self, name: str) -> Act | None:
        """What the action of this name does, for who may do it to what is somebody else's."""
        return next((one.act for one in self.permitted() if one.name == name), None)

    def run(self) -> ResponseReturnValue:
        """Do what was sent to the selected records, after its question."""
        action, ids = self._authorized(request.form.get("action", "")), _selected_ids()
        job = self._view.jobs.get(action.name)
        if is_job(job, ids) and job is not None:
            return run_job(self._view, job, ids)
        if not ids:
            flash("Select at least one row first.", "warning")
        elif action.question and not _is_confirmed():
            return self._ask_about(action, ids)
        else:
            answer = action.run(ids)
            if answer is not None:
                return answer
        return redirect(self._view.return_url())

    def ask(self, name: str, ids: Sequence[str]) -> str:
        """The question before this action, whether it has one or not. Raises NotFound, NotAllowed."""
        action = self._authorized(name)
        if not ids or len(ids) > MAX_SELECTED:
            raise NotFound
        return self._ask_about(replace(action, question=action.question or f"{action.text}?"), ids)

    def delete(self, record: Any) -> ResponseReturnValue:
        """Remove one record, after a question that does not depend on a script."""
        doing(self._view.acts.delete)
        if self._view.delete_labels.asks and not _is_confirmed():
            return self._ask(self.delete_question, self._view.delete_labels.verb, [record])
        if apply_to_each([self._view.get_pk_value(record)], self._view.delete_record, self._view.noun):
            flash_done(f"{self._view.record_title(record)} {self._view.delete_labels.done}.")
        return redirect(self._view.return_url())

    @property
    def delete_question(self) -> str:
        """What is asked before one record is removed; "" where nothing is, or by a page of the view's own."""
        labels = self._view.delete_labels
        if labels.on_page or not labels.asks:
            return ""
        return labels.question or f"{labels.verb} this {self._view.noun}?"

    def for_each(self, ids: Sequence[str], call: Callable[[Actor, str], Any], done: str) -> None:
        """Call a method of the service for each; say of how many it was `done`, and why not to the others."""
        apply_to_each(ids, lambda key: call(actor(), key), self._view.noun, done)

    def _ask_about(self, action: BulkAction, ids: Sequence[str]) -> str:
        """The question before an action. Of the records named in it, those that are gone meanwhile are left out.

        Raises NotFound when nothing is left to ask about.
        """
        named = [record for key in ids[:NAMED_IN_QUESTION] if (record := self._record_or_none(key)) is not None]
        left = len(named) + len(ids[NAMED_IN_QUESTION:])
        if not left:
            raise NotFound
        return self._ask(self._view.question(action, named), action.text, named, left)

    def _record_or_none(self, key: str) -> Any:
        try:
            return self._view.get_one(key)
        except NotFound:
            return None

    def _ask(self, question: str, verb: str, records: Sequence[Any], count: int = 1) -> str:
        """The same question that the page's dialog asks, as a page of its own."""
        names = [self._view.record_title(record) for record in records]
        asked = {"question": question, "verb": verb, "names": names, "unnamed": count - len(names)}
        return str(self._view.render(self._view.confirm_template, **asked, return_url=self._view.return_url()))

    def _delete_each(self, ids: Sequence[str]) -> None:
        apply_to_each(ids, self._view.delete_record, self._view.noun, self._view.delete_labels.done)

    def _authorized(self, name: str) -> BulkAction:
        """The action of this name, for whoever may: the gate knows only that they may do one of them.

        Raises NotFound where there is none, and NotAllowed.
        """
        action = self._by_name.get(name)
        if action is None:
            raise NotFound("There is no such action.")
        require_access(access_to(action.act, everybody=True))
        doing(action.act)
        return action


def _is_confirmed() -> bool:
    """Whether the question was asked and answered, by the page's dialog or by the page of its own."""
    return request.form.get("confirmed") == "1"


def _selected_ids() -> list[str]:
    ids = list(dict.fromkeys(request.form.getlist("rowid")))
    if len(ids) > MAX_SELECTED:
        raise Invalid(f"At most {MAX_SELECTED} records at a time.")
    return ids


@dataclass(slots=True)
class _Tally:
    """What came of an action on several records."""

    done: int = 0
    absent: list[str] = field(default_factory=list)
    errors: list[BackofficeError] = field(default_factory=list)

    def flash(self, noun: str, done: str) -> None:
        """Say why it came to nothing for some, and for how many it was `done`, where that is said here."""
        if len(self.absent) == 1:
            flash(f"{self.absent[0][:MAX_SHOWN_ID]} is not there any more.", "warning")
        else:
            flash_count(len(self.absent), noun, "is not there any more", "warning")
        flash_distinct(map(str, self.errors), "error")
        if done:
            flash_count(self.done, noun, done)


def apply_to_each(ids: Sequence[str], call: Callable[[str], Any], noun: str, done: str = "") -> int:
    """Call `call` for each id, and count what went well. Say why the others did not, and of how many it was `done`.

    One that is absent, refused or in conflict does not keep the rest from its turn. What ends it midway (an outage,
    ReauthRequired) goes up, after what was done until then is said. Raises NotAllowed when every single one was
    refused."""
    tally = _Tally()
    try:
        for key in ids:
            _apply(call, key, tally)
    except BackofficeError:
        tally.flash(noun, done)
        raise
    refusals = [error for error in tally.errors if isinstance(error, NotAllowed)]
    if refusals and len(refusals) == len(ids):
        raise refusals[0]
    tally.flash(noun, done)
    return tally.done


def _apply(call: Callable[[str], Any], key: str, tally: _Tally) -> None:
    try:
        call(key)
    except NotFound:
        tally.absent.append(key)
    except ReauthRequired:
        raise
    except (NotAllowed, *USER_ERRORS) as exc:
        tally.errors.append(exc)
    else:
        tally.done += 1
