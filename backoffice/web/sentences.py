"""Events of the log as sentences: "katherine moved ok.txt to the trash".

A sentence is a text with places: `{who}`, `{what}`, and what the event says besides. Texts from events are names that
people chose, so each is put in on its own, isolated and escaped; where a way is known, who and what are links. An event
of a later version, or one that lacks what a sentence needs, is told in general words.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup, escape

from backoffice.domain.actions import Action
from backoffice.domain.nouns import all_actions
from backoffice.web.sentence_parts import Event, Told
from backoffice.web.sentence_table import SENTENCES


@dataclass(frozen=True, slots=True)
class Ways:
    """Where who and what lead: an actor's identifier, an object's type and identifier -> an address."""

    of_actor: Callable[[str], str]
    of_object: Callable[[str, str], str]


_BDI: Final = Markup("<bdi>%s</bdi>")
_NAME: Final = Markup('<bdi class="is">%s</bdi>')
_WHO: Final = Markup('<a class="quiet" href="%s"><bdi class="is">%s</bdi></a>')
_STRANGER: Final = "Somebody"
_NAMELESS: Final = {"user": "a user", "file": "a file", "folder": "a folder", "token": "a token", "role": "a role"}
_PLAIN_TYPES: Final = {"file", "link", "share", "user"}
"""Types whose names say what they are, or whose sentences do; of others the type is said, too."""
_VERBS: Final = {"create": "created", "update": "changed", "delete": "deleted"}
GROUPS: Final[Mapping[str, str]] = {
    "file": "Files",
    "upload": "Uploads",
    "user": "Users",
    "role": "Roles",
    "session": "Sign-in",
    "token": "API tokens",
    "access": "Rights",
    "list": "Lists",
    "audit": "Log",
    "system": "System",
}
"""What actions of one beginning are called together."""


def has_sentence(action: str) -> bool:
    """Whether an action is told in words of its own."""
    return action in SENTENCES or action.rpartition(".")[2] in _VERBS


def action_choices() -> list[tuple[str, str]]:
    """For the filter: each action, after the group that it belongs to, which can be chosen as a whole (`file.*`)."""
    found: dict[str, list[tuple[str, str]]] = {}
    for action in all_actions():
        group, _, verb = action.partition(".")
        name = GROUPS.get(group, f"{group.capitalize()}s")
        word = SENTENCES[action][0] if action in SENTENCES else _VERBS.get(verb, verb.replace("_", " "))
        found.setdefault(group, [(f"{group}.*", f"{name}: anything")]).append((str(action), f"{name}: {word}"))
    return [one for choices in found.values() for one in (choices if len(choices) > 2 else choices[1:])]


def actions_of(choice: str) -> tuple[str, ...]:
    """The actions that a choice of the filter stands for."""
    if not choice.endswith(".*"):
        return (choice,)
    return tuple(str(action) for action in all_actions() if action.startswith(choice[:-1]))


def sentence(event: Event, ways: Ways | None = None) -> Markup:
    """The event in words. What people chose stands in `<bdi>`; with `ways`, who and what are links."""
    who, what = event.get("actor", {}), event.get("object", {})
    name, called = _who(event), _what(event)
    places: dict[str, Markup] = {}
    if ways is not None and who.get("id"):
        places["who"] = _WHO % (ways.of_actor(who["id"]), name)
    else:
        places["who"] = _NAME % name if who.get("name") else escape(name)
    kind = what.get("type", "")
    inner = _NAME % called
    if ways is not None and what.get("id"):
        inner = _WHO % (ways.of_object(kind, what["id"]), called)
    if not called:
        inner = escape(_NAMELESS.get(kind, "something"))
    places["what"] = inner if kind in _PLAIN_TYPES or not called else Markup("{} {}").format(kind, inner)
    said = told(event)
    # The parts of the text are ours; `Markup.format` escapes what is not markup yet.
    return escape(said.text).format(**{key: _BDI % value for key, value in said.values.items()}, **places)


def plain_sentence(event: Event) -> str:
    """The same as text."""
    kind, called = event.get("object", {}).get("type", ""), _what(event)
    what = called if kind in _PLAIN_TYPES or not called else f"{kind} {called}"
    said = told(event)
    return said.text.format(**said.values, who=_who(event), what=what or _NAMELESS.get(kind, "something"))


def told(event: Event) -> Told:
    """The sentence of an event. Never raises for what a log can hold."""
    said = _told(event)
    data = event.get("data")
    if event.get("outcome") != "ok" or not isinstance(data, Mapping):
        return said
    if str(data.get("through", "")).startswith("share:"):
        said = Told(f"{said.text}, by a share", said.values)
    return Told(f"{said.text}, to undo an earlier act", said.values) if data.get("undoes") else said


def _told(event: Event) -> Told:
    action = str(event.get("action", ""))
    teller = SENTENCES[Action(action)][1] if action in SENTENCES else None
    if isinstance(teller, str):
        return Told(teller)
    if teller is not None:
        try:
            return teller(event)
        except (TypeError, ValueError, AttributeError, IndexError, KeyError):
            # Another version wrote it in another form: what is certain is said, and the entry's page shows the rest.
            return _plainly(action)
    verb = _VERBS.get(action.rpartition(".")[2])
    return Told(f"{{who}} {verb} {{what}}") if verb else _plainly(action)


def _plainly(action: str) -> Told:
    return Told("{who}: {action} {what}", {"action": action})


def _who(event: Event) -> str:
    actor = event.get("actor", {})
    return str(actor.get("name") or actor.get("id") or _STRANGER)


def _what(event: Event) -> str:
    target = event.get("object", {})
    name = target.get("name") or ("" if target.get("type") == "user" else target.get("id", ""))
    return str(name or "")
