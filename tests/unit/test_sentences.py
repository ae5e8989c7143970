"""Events as sentences: each action has one, and what people wrote stays text."""

from __future__ import annotations

from typing import Any

import pytest

from backoffice.domain.actions import Action, Actions
from backoffice.domain.nouns import all_actions
from backoffice.web.sentences import Ways, action_choices, actions_of, has_sentence, plain_sentence, sentence, told

EVIL = '<img src=x onerror=alert(1)>{{7*7}}{who}"'
FOLDER = {"type": "folder", "id": "d1", "name": "plans"}
LINK = {"type": "link", "id": "l1", "name": "ok.txt"}
WAYS = Ways(lambda key: f"/by/{key}", lambda kind, key: f"/about/{kind}/{key}")


def event(action: str, **more: Any) -> dict[str, Any]:
    return {
        "action": action,
        "outcome": "ok",
        "actor": {"id": "k1", "name": "katherine"},
        "object": {"type": "file", "id": "f1", "name": "ok.txt"},
        **more,
    }


@pytest.mark.parametrize("action", all_actions())
def test_every_action_has_a_sentence_of_its_own(action: Action) -> None:
    assert has_sentence(action)
    said = plain_sentence(event(action, data={"because": "wrong password", "number": 1, "version": "1"}))
    assert action not in said
    assert "{" not in said
    assert "katherine" in said or "ok.txt" in said or "store was set up" in said
    assert not said.endswith(".")


@pytest.mark.parametrize(
    ("action", "more", "says"),
    [
        ("file.trash", {}, "katherine moved ok.txt to the trash"),
        ("file.trash", {"data": {"undoes": "1-0"}}, "katherine moved ok.txt to the trash, to undo an earlier act"),
        ("file.create", {"data": {"size": 1_200_000}}, "katherine uploaded ok.txt, 1.2 MB"),
        ("file.create", {"data": {"through": "share:s1"}}, "katherine uploaded ok.txt, by a share"),
        (
            "share.create",
            {"changes": {"to": [None, "role"], "grantee_name": [None, "crew"]}},
            "katherine shared ok.txt with the role crew",
        ),
        ("share.create", {"changes": {"grantee_name": [None, "ada"]}}, "katherine shared ok.txt with ada"),
        ("file.rename", {"changes": {"name": ["ok.txt", "fine.txt"]}}, "katherine renamed ok.txt to fine.txt"),
        (
            "file.download",
            {"data": {"count": 12, "bytes": 24_000}},
            "katherine downloaded ok.txt 12 more times, 24.0 kB in all",
        ),
        (
            "user.update",
            {
                "object": {"type": "user", "id": "u", "name": "ada"},
                "changes": {"roles": [["user"], ["auditor", "user"]], "quota_bytes": [None, 5]},
            },
            "katherine gave ada the role auditor and changed quota",
        ),
        (
            "user.update",
            {"object": {"type": "user", "id": "u", "name": "ada"}, "changes": {"roles": [["a", "b"], ["a"]]}},
            "katherine took the role b from ada",
        ),
        (
            "access.deny",
            {"data": {"permission": "users:read", "because": "no role of katherine grants users:read"}, "object": {}},
            "katherine was refused “See users”: no role of katherine grants users:read",
        ),
        (
            "access.deny",
            {"data": {"permission": "roles:read", "because": "refused at the door"}},
            "katherine was refused “See roles” about ok.txt: no right to it",
        ),
        (
            "session.refuse",
            {"actor": {"ip": "192.0.2.1"}, "object": {}, "data": {"because": "unknown name"}},
            "Somebody tried to sign in and was refused: unknown name",
        ),
        (
            "session.refuse",
            {"data": {"count": 40, "networks": 3, "reasons": {"wrong password": 39, "unknown name": 1}}},
            "40 more sign-ins were refused, from about 3 networks: wrong password (39), unknown name (1)",
        ),
        ("folder.create", {"object": FOLDER}, "katherine made folder plans"),
        ("folder.trash", {"object": FOLDER}, "katherine moved folder plans to the trash"),
        (
            "folder.rename",
            {"object": FOLDER, "changes": {"name": ["plans", "maps"]}},
            "katherine renamed folder plans to maps",
        ),
        ("link.create", {"object": LINK}, "katherine made a share link to ok.txt"),
        (
            "link.create",
            {"object": LINK, "changes": {"takes": [None, {}]}},
            "katherine requested files by the link ok.txt",
        ),
        ("link.open", {"object": LINK}, "katherine looked at the page of the share link to ok.txt"),
        ("link.download", {"object": LINK}, "katherine downloaded ok.txt by a share link"),
        (
            "link.download",
            {"object": LINK, "data": {"folder": "f"}},
            "katherine downloaded the whole folder ok.txt by a share link",
        ),
        (
            "link.download",
            {"object": LINK, "data": {"name": "a.txt"}},
            "katherine downloaded a.txt by the share link to ok.txt",
        ),
        ("role.create", {"object": {"type": "role", "id": "desk", "name": "desk"}}, "katherine created role desk"),
        ("session.end", {"object": {"type": "user", "id": "k1"}}, "katherine signed out"),
        ("session.end", {"object": {"type": "user", "id": "u"}}, "katherine ended a session of a user"),
        ("note.create", {"object": {"type": "note", "id": "n", "name": "list"}}, "katherine created note list"),
        ("later.thing", {}, "katherine: later.thing ok.txt"),
    ],
)
def test_what_is_said(action: str, more: dict[str, Any], says: str) -> None:
    assert plain_sentence(event(action, **more)) == says


def test_what_people_wrote_stays_text() -> None:
    for action in all_actions():
        made = event(
            action,
            actor={"id": "k1", "name": EVIL},
            object={"type": "file", "id": EVIL, "name": EVIL},
            changes={"name": [EVIL, EVIL], "roles": [[EVIL], []]},
            data={"because": EVIL, "list": EVIL, "permission": EVIL, "version": EVIL, "number": EVIL},
        )
        for ways in (WAYS, None):
            text = str(sentence(made, ways))
            assert "<img" not in text, action
            assert "{{7*7}}" in text or "{" not in text, action


def test_who_and_what_lead_to_more_of_them() -> None:
    text = str(sentence(event("file.trash"), WAYS))
    assert 'href="/by/k1"' in text
    assert 'href="/about/file/f1"' in text
    assert "href" not in str(sentence(event("file.trash")))


@pytest.mark.parametrize("part", ["data", "changes"])
@pytest.mark.parametrize("value", [{}, {"name": [], "roles": 5, "count": "many", "size": "x", "reasons": []}])
def test_an_event_in_another_form_is_told_all_the_same(part: str, value: Any) -> None:
    for action in all_actions():
        assert told(event(action, **{part: value})).text
        assert sentence(event(action, **{part: value}))


def test_actions_can_be_chosen_by_the_group() -> None:
    values = [value for value, _ in action_choices()]
    assert {str(action) for action in all_actions()} <= set(values)
    assert set(actions_of("file.*")) == {one for one in all_actions() if one.startswith("file.")}
    assert actions_of(Actions.FILE_TRASH) == ("file.trash",)
    assert len(values) == len(set(values))
