"""The log: who may read it, that reading is recorded, and what an event looks like."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from redis import Redis

from backoffice.domain.access import ANONYMOUS
from backoffice.domain.actions import Action, Actions
from backoffice.domain.audit import NO_OBJECT, AuditEvent, ObjectRef, Outcome, short_agent
from backoffice.domain.limits import MAX_AGENT
from backoffice.domain.nouns import all_actions
from backoffice.domain.paging import Query
from backoffice.domain.permissions import Permissions
from backoffice.errors import Invalid, NotAllowed, NotFound, NotSignedIn
from backoffice.services import audit as audit_service
from backoffice.services import log_ports
from backoffice.stores.log.audit import RedisAudit
from tests.support.people import ROOT, People, anybody, event, everything_but

READER = anybody(Permissions.AUDIT_READ, name="reader")


def test_Z10_the_log_has_its_own_right(people: People) -> None:
    people.log.record(event())
    [entry] = people.entries()
    acts = [
        people.audit.page,
        lambda who: people.audit.get(who, entry.id),
        lambda who: people.audit.get(who, "1-1"),
        lambda who: people.audit.follow(who, "$", 1),
    ]
    for act in acts:
        with pytest.raises(NotSignedIn):
            act(ANONYMOUS)
        with pytest.raises(NotAllowed):
            act(everything_but(Permissions.AUDIT_READ))
    assert people.audit.get(READER, entry.id) == entry
    assert entry in people.audit.page(READER).items


def test_Z10_reading_is_recorded_once_a_minute(people: People, fake: Redis) -> None:
    for _ in range(3):
        people.audit.page(READER)
    other = replace(READER, id="other")
    people.audit.page(other)
    assert [entry.event["actor"]["id"] for entry in people.entries(Actions.AUDIT_READ)] == [READER.id, "other"]
    assert all(0 < fake.ttl(key) <= 60 for key in fake.scan_iter(match="{t}:seen:*"))


def test_Z10_nothing_changes_or_deletes_an_entry() -> None:
    reading = {
        "concerning",
        "opened",
        "page",
        "search",
        "histogram",
        "get",
        "follow",
        "between",
        "counts",
        "counted_refusals",
        "counted_reads",
        "wait",
        "log",
        "now",
        "trimmed",
    }
    writing = {
        "denied",
        "record",
        "refuse",
        "write_counted_refusals",
        "write_counted_reads",
        "close_counted",
        "note_reading",
        "exported",
    }
    for thing in (audit_service.Audit, log_ports.AuditLog, RedisAudit):
        public = {name for name in dir(thing) if not name.startswith("_")}
        assert public <= reading | writing


def test_filters(people: People) -> None:
    ada = people.user("ada")
    people.user("bob")
    page = people.audit.page(READER, filters=[("object", f"user:{ada.id}"), ("action", "user.create")])
    assert [entry.event["object"]["name"] for entry in page.items] == ["ada"]
    assert page.total == 1
    for bad in (("nonesuch", "x"), ("actor", ""), ("actor", "x" * 300), ("actor", "\ud800"), ("actor", "a\nb")):
        with pytest.raises(Invalid):
            people.audit.page(READER, filters=[bad])
    for cursor in ("x", "1", "1-", "(1-1", "+", "1-1 ", "\u0661-1"):
        with pytest.raises(Invalid):
            people.audit.page(READER, cursor=cursor)
    for limit in (0, -1, 501):
        with pytest.raises(Invalid):
            people.audit.page(READER, limit=limit)
    for span in ({"since": -1}, {"until": -1}, {"since": 10**15}, {"until": 10**15}):
        with pytest.raises(Invalid):
            people.audit.page(READER, **span)  # type: ignore[arg-type]
    at = int(page.items[0].id.partition("-")[0])
    for span, total in (({"since": at, "until": at + 1}, 1), ({"since": at + 1}, 0), ({"until": at}, 0)):
        found = people.audit.page(READER, filters=[("object", f"user:{ada.id}")], **span)  # type: ignore[arg-type]
        assert (len(found.items), found.total, found.exact) == (total, total, True)
    with pytest.raises(NotFound):
        people.audit.get(READER, "1-1")
    with pytest.raises(Invalid):
        people.audit.follow(READER, "0", 1)


def test_denied_at_the_door_is_recorded_without_made_up_ids(people: People) -> None:
    actor, wanted = anybody(), Permissions.USERS_READ
    for target in (NO_OBJECT, NO_OBJECT, ObjectRef("user", "../\ud800\r\n"), ObjectRef("user", "abc")):
        with pytest.raises(NotAllowed):
            people.audit.refuse(actor, "refused at the door", NotAllowed(), permission=wanted, target=target)
    entries = people.entries(Actions.ACCESS_DENY)
    assert [entry.event.get("object", {}).get("id") for entry in entries] == [None, "abc"]


def test_an_event_is_canonical_json() -> None:
    actor = replace(ROOT, ip="192.0.2.1", agent="x" * 1000, request_id="r", credential="token:1")
    one = AuditEvent(
        Actions.FILE_RENAME,
        actor,
        ObjectRef("file", "f1", "new\u2028name"),
        changes={"name": ("a", "b")},
        data={"z": 1, "a": 2},
        at=0,
    )
    text = one.canonical()
    assert json.loads(text) == {
        "v": 1,
        "at": "1970-01-01T00:00:00.000Z",
        "action": "file.rename",
        "outcome": "ok",
        "actor": {
            "id": "system-test",
            "name": "test",
            "via": "shell",
            "ip": "192.0.2.1",
            "agent": short_agent("x" * 1000),
            "credential": "token:1",
        },
        "object": {"type": "file", "id": "f1", "name": "new\u2028name"},
        "request_id": "r",
        "changes": {"name": ["a", "b"]},
        "data": {"z": 1, "a": 2},
    }
    assert text == json.dumps(json.loads(text), sort_keys=True, separators=(",", ":"))
    signed_in = replace(one, action=Actions.SESSION_START)
    assert json.loads(signed_in.canonical())["actor"]["agent"] == "x" * MAX_AGENT


@pytest.mark.parametrize("name", ["a\r\nb", "\x1b[2J", "\u2028", "\u202e", "\0", "\ud800", "'\"\\"])
def test_I2_no_text_breaks_a_line(name: str) -> None:
    text = AuditEvent(Actions.FILE_RENAME, ROOT, ObjectRef("file", "f1", name), Outcome.OK).canonical()
    assert text.isascii()
    assert text.isprintable()
    assert json.loads(text)["object"]["name"] == name


def test_actions_are_named_by_a_scheme() -> None:
    core = {name: action for name, action in vars(Actions).items() if isinstance(action, Action)}
    assert set(core.values()) == set(all_actions())
    for name, action in core.items():
        noun, _, verb = action.partition(".")
        assert noun.isalpha()
        assert verb.isalpha()
        assert name == f"{noun}_{verb}".upper()


def test_a_stolen_token_is_not_hidden_by_its_owners_own_refusal(people: People) -> None:
    ada = people.actor(people.user("ada"))
    thief = replace(ada, credential="token:x", ip="198.51.100.7")
    for actor in (ada, thief, ada, thief):
        with pytest.raises(NotAllowed):
            people.users.page(actor, Query())
    assert [one.event["actor"]["credential"] for one in people.entries(Actions.ACCESS_DENY)] == [
        ada.credential,
        "token:x",
    ]
