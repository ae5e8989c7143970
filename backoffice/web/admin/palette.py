"""Finding by name whatever the site has: pages, people, files, roles, and acts on them ("disable ada").

One question asks all services that the person may ask, and they share their round trips. The palette (`palette.js`)
shows the answer while one types; the page `/admin/find/` shows the same without a script. An act leads to its question.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any, Final

from flask import Blueprint, Response, current_app, jsonify, render_template, request, url_for

from backoffice.domain.acts import Acts
from backoffice.domain.limits import MAX_SEARCH
from backoffice.domain.paging import Query
from backoffice.domain.words import search_fold
from backoffice.web.admin.base import ServiceView
from backoffice.web.context import services
from backoffice.web.identity import actor, may
from backoffice.web.route_access import route_act, signed_in
from backoffice.web.sections import admin_sections, sections_of

SEARCHED: Final = ("users", "files", "roles")
"""The sections whose records are found."""
MOST: Final = 6
"""Of a kind."""
LINK: Final = "link"
MOST_PEOPLE: Final = 10


@dataclass(frozen=True, slots=True)
class Found:
    """Something to open. `group`: what kind of thing it is, in words."""

    group: str
    name: str
    url: str
    icon: str
    detail: str = ""


def make_blueprint() -> Blueprint:
    """The page, and the two answers in JSON that the scripts ask for."""
    bp = Blueprint("find", __name__, url_prefix="/admin/find")
    bp.add_url_rule("/", "page", find_page)
    bp.add_url_rule("/items", "items", find_items)
    bp.add_url_rule("/people", "people", find_people)
    return bp


@signed_in
def find_page() -> str:
    """What is found, as a page."""
    text = _asked()
    return render_template("admin/find.html", asked=text, found=find(text))


@signed_in
def find_items() -> Response:
    """The same for the palette."""
    return jsonify(items=[asdict(one) for one in find(_asked())])


@route_act(Acts.USER_READ)
def find_people() -> Response:
    """Users whose name or address has words that begin so, for fields that take one."""
    text = _asked()
    query = Query(search=text, limit=MOST_PEOPLE)
    found = services().users.page(actor(), query).items if text else ()
    return jsonify(items=[{"name": one.username, "detail": one.email or "", "icon": "user"} for one in found])


def find(text: str) -> list[Found]:
    """Whatever fits, group by group; nothing entered: the pages that there are."""
    found = list(_pages(text))
    if not text:
        return found
    views = [view for view in _views() if view.endpoint in SEARCHED and view.is_accessible()]
    wanted = _wanted_acts(views, text)
    reads: list[Callable[[], list[Found]]] = [partial(_records, view, text) for view in views]
    reads += [partial(_acts, view, verbs, rest) for view, verbs, rest in wanted]
    records = services().together(*reads) if reads else []
    acts = [one for some in records[len(views) :] for one in some]
    return [*acts, *found, *(one for some in records[: len(views)] for one in some)]


def _asked() -> str:
    return request.args.get("q", "")[:MAX_SEARCH].strip()


def _views() -> Iterator[ServiceView]:
    for admin in current_app.extensions.get("admin", ()):
        yield from (view for view in admin._views if isinstance(view, ServiceView))  # noqa: SLF001


def _pages(text: str) -> Iterator[Found]:
    """Lists, forms for something new, and the pages of everybody."""
    needle = search_fold(text)
    for one in _all_pages():
        if all(part in search_fold(one.name) for part in needle.split()):
            yield one


def _all_pages() -> Iterator[Found]:
    go = "Go to"
    yield Found(go, "My files", url_for("pages.upload"), "folder")
    if may(Acts.SHARE_OPEN):
        yield Found(go, "Shared with me", url_for("pages.shared_with_me"), "users")
    if may(Acts.LINK_LIST):
        yield Found(go, "Shared by me", url_for("pages.shared"), "link")
    if admin_sections():
        yield Found(go, "Overview", url_for("admin.index"), "home")
    for view in _views():
        if view.tab_of or not view.is_accessible():
            continue
        for section in sections_of(view.section):
            own = section.name if section.url == view.list_url() else f"{view.section_title}: {section.name}"
            yield Found(go, view.section_title if own == "All" else own, section.url, section.icon)
        if view.can_create:
            yield Found(go, f"New {view.noun}", url_for(f"{view.endpoint}.create_view"), "plus")
    yield Found(go, "Account", url_for("pages.account"), "user")


def _found_in(view: ServiceView, text: str) -> Sequence[Any]:
    return view.get_page(Query(search=text, limit=MOST)).items


def _records(view: ServiceView, text: str) -> list[Found]:
    pages = partial(url_for, f"{view.endpoint}.details_view")
    return [
        Found(view.section_title, view.record_title(one), pages(id=view.get_pk_value(one)), view.icon, _detail(one))
        for one in _found_in(view, text)
    ]


def _detail(record: Any) -> str:
    """What tells records of one name apart."""
    return str(next((value for name in ("email", "owner", "description") if (value := getattr(record, name, ""))), ""))


def _wanted_acts(views: Sequence[ServiceView], text: str) -> list[tuple[ServiceView, list[tuple[str, str]], str]]:
    """Where the question begins with what an act is called: its view, the acts (name, text), and on whom."""
    found = []
    for view in views:
        offered = [(one.name, one.text) for one in view.actions.permitted()]
        offered += [("edit", "Edit")] if view.can_edit else []
        offered += [(LINK, text) for text in view.acts_by_link]
        called = {text: f"{text} {words}" for text, words in view.acts_by_link.items()}
        for length in range(text.count(" "), 0, -1):
            words = text.split(" ")
            verb, rest = search_fold(" ".join(words[:length])), " ".join(words[length:]).strip()
            verbs = [one for one in offered if _begins(search_fold(called.get(one[1], one[1])), verb)]
            if verbs and rest:
                found.append((view, verbs, rest))
                break
    return found


def _begins(text: str, verb: str) -> bool:
    """Whether the text, or what follows one of its words, begins so: "password" finds "reset password"."""
    words = text.split(" ")
    return any(" ".join(words[at:]).startswith(verb) for at in range(len(words)))


def _acts(view: ServiceView, verbs: Sequence[tuple[str, str]], rest: str) -> list[Found]:
    found = []
    for record in _found_in(view, rest):
        key, title = view.get_pk_value(record), view.record_title(record)
        for name, text in verbs:
            if name == "edit":
                if view.may_edit(record):
                    found.append(Found("Do", f"Edit {title}", url_for(f"{view.endpoint}.edit_view", id=key), "edit"))
            elif name == LINK:
                urls = [(link.url, link.icon) for link in view.links(record) if link.label == text]
                found += [Found("Do", f"{text.rstrip(' …')} {title}", *one, _detail(record)) for one in urls]
            elif any(view.actions.row_action(name, record)):
                url = url_for(f"{view.endpoint}.ask_view", action=name, rowid=key)
                found.append(Found("Do", f"{text} {title}", url, view.icon, _detail(record)))
    return found[:MOST]
