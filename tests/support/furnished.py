"""A site with something of everything in it, named to hurt, and the address of each page of the operators' site."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Final

from backoffice.domain.access import ANONYMOUS, Actor, system_actor
from backoffice.domain.files import FileSpec
from backoffice.domain.jobs import Selection
from backoffice.domain.paging import Query
from backoffice.domain.users import User
from backoffice.errors import BadCredentials, TooMany
from backoffice.services.container import Services

LISTS: Final = (
    "users",
    "sessions",
    "tokens",
    "blocked",
    "roles",
    "files",
    "trash",
    "uploads",
    "links",
    "shares",
    "jobs",
    "audit",
)
ROLE_TABS: Final = ("rights", "members", "who", "activity")
USER_TABS: Final = (
    "files",
    "uploads",
    "trash",
    "sessions",
    "tokens",
    "links",
    "shares",
    "activity",
    "access",
    "in_use",
)
FILE_TABS: Final = ("preview", "activity", "links", "shares", "details", "who")
SHELL: Final = system_actor("test", "shell")
NAUGHTY: Final = (
    '"><script>alert(1)<.txt',
    "<img src=x onerror=alert(1)>.txt",
    "a&amp;b' onmouseover='alert(1).txt",
    "{{7*7}}${7*7}<%= 7*7 %>.txt",
    "javascript:alert(1)",
    '=HYPERLINK("http:evil","x").csv',
    "@SUM(1+9)*cmd|' C'!A0.xlsx",
    "עברית و عربي 123.txt",
    "می‌خواهم.pdf",
    "👩‍💻👨‍👩‍👧‍👦🏳️‍🌈 notes.md",
    "Z͑ͫ̓ͪ̂ͫ̽͏̴̙̤̞͉͚̯̞̠͍A̴̵̜̰͔ͫ͗͢.txt",
    "  two  blanks .txt".strip(),
    "' OR 1=1; DROP TABLE files --",
    "null",
    "undefined",
    "NaN",
    "０",
    "ﷺ",
    "n" * 250,
    "汉" * 80,
)
"""Text that looks like code, markup, a formula or a value; or is written from right to left, joined, stacked, long."""


@dataclass(frozen=True, slots=True)
class Furnished:
    """What there is: a record of each kind, by its identifier."""

    owner: User
    role: str
    file: str
    trashed: str
    upload: str
    token: str
    link: str
    share: str
    session: str
    job: str
    view: str
    block: str
    entry: str

    @property
    def others(self) -> Mapping[str, str]:
        """Sections whose records have one page each, and that record."""
        return {
            "trash": self.trashed,
            "uploads": self.upload,
            "sessions": self.session,
            "links": self.link,
            "shares": self.share,
            "tokens": self.token,
            "jobs": self.job,
            "blocked": self.block,
        }


def furnish(services: Services, boss: Actor, mark: str) -> Furnished:
    """Make it. `boss`: somebody who may do everything, signed in; `mark`: what makes names of people new."""
    label = NAUGHTY[0]
    role = f"r-{mark}"
    services.roles.create(SHELL, name=role, description=label, permissions=["files:read", "audit:read"])
    owner, _ = services.users.create(
        SHELL, username=f"o-{mark}", email=f"{{{{7*7}}}}'=o{mark}@example.org", roles=("user", role)
    )
    owner = services.users.set_password(SHELL, owner.id, "violet-harbour-93-lantern")
    token, text = services.tokens.create(SHELL, name=label, user_id=owner.id, days=1)
    sender = services.tokens.authenticate(text, ip="127.0.0.1", agent=label, request_id="test")
    assert sender is not None
    files = [_store(services, sender[0], name, place) for place, name in enumerate(NAUGHTY)]
    trashed = _store(services, sender[0], f"trashed {label}", 0)
    services.files.trash(sender[0], trashed)
    upload = services.uploads.put_chunk(
        sender[0], upload_id=None, index=0, total_chunks=2, data=b"x", size=2, name=label
    ).upload.id
    session = services.sessions.start_for(SHELL, owner).session.id
    view = services.views.create(boss, section="files", name=label, query=f"search={mark}", shared=True)
    link, _ = services.links.create(sender[0], file=files[0], password="violet-harbour-93-lantern", max_downloads=3)
    share = services.shares.create(sender[0], file=files[0], role=role).id
    job = services.jobs.start(boss, "file.tag", Selection((files[0],)), {"add": ["=1+1"], "remove": []})
    visitor = replace(ANONYMOUS, ip="203.0.113.7", agent=label, request_id="test")
    for _ in range(12):
        with suppress(BadCredentials, TooMany):
            services.sessions.sign_in(visitor, f"nobody-{mark}", "wrong")
    block = services.blocks.page(boss, Query(limit=1)).items[0].id
    entry = services.audit.page(boss, limit=1).items[0].id
    lets_in = (token.id, link.id, share, session)
    return Furnished(owner, role, files[0], trashed, upload, *lets_in, job.id, view.id, block, entry)


def _store(services: Services, actor: Actor, name: str, place: int) -> str:
    spec = FileSpec(name, "text/plain", tags=(NAUGHTY[place][:40].replace(",", ""),) if place < 6 else ())
    return services.uploads.upload_stream(actor, spec, io.BytesIO(b"x" * place).readinto, place).id


OWN_PAGES = {
    "pages.upload": ["/", "/?show=trash", "/?new=folder"],
    "pages.trash_question": ["/my/trash/empty"],
    "pages.account": ["/account"],
    "pages.shared": ["/shared"],
    "pages.shared_with_me": ["/shared-with-me"],
    "pages.shared_people": ["/shared-with-people"],
    "pages.requests": ["/my/requests"],
    "pages.request_new": ["/my/requests/new"],
    "pages.text_new": ["/my/texts/new"],
    "pages.docs": ["/docs"],
}
"""Of everybody."""


def pages(here: Furnished) -> Mapping[str, Sequence[str]]:
    """The addresses of each endpoint of the operators' site that answers GET with a page, in all their forms."""
    details = {f"{name}.details_view": [f"/admin/{name}/details/?id={one}"] for name, one in here.others.items()}
    lists = {f"{name}.index_view": [f"/admin/{name}/"] for name in LISTS}
    user, file = f"/admin/users/details/?id={here.owner.id}", f"/admin/files/details/?id={here.file}"
    return {
        **lists,
        "users.index_view": ["/admin/users/", f"/admin/users/?search={here.owner.username}"],
        "files.index_view": [
            f"/admin/files/?flt0_owner_is={here.owner.username}",
            "/admin/files/?search=nothing+like+this",
            "/admin/files/?flt0_owner_is=nobody-at-all",
        ],
        "roles.index_view": ["/admin/roles/", "/admin/roles/?sort=0"],
        "audit.index_view": ["/admin/audit/", f"/admin/audit/?flt2_object_is=user:{here.owner.id}"],
        "audit.details_view": [f"/admin/audit/details/?id={here.entry}"],
        "admin.index": ["/admin/"],
        "system.index_view": ["/admin/system/"],
        "find.page": ["/admin/find/", "/admin/find/?q=script"],
        "users.create_view": ["/admin/users/new/"],
        "users.edit_view": [f"/admin/users/edit/?id={here.owner.id}"],
        "users.leave_view": [f"/admin/users/leave/?id={here.owner.id}"],
        "users.details_view": [user, *(f"{user}&tab={tab}" for tab in USER_TABS)],
        "users.ask_view": [f"/admin/users/ask/?action=disable&rowid={here.owner.id}"],
        "roles.create_view": ["/admin/roles/new/"],
        "roles.edit_view": [f"/admin/roles/edit/?id={here.role}"],
        "roles.details_view": [
            f"/admin/roles/details/?id={here.role}&tab={tab}" for tab in ("rights", "members", "who")
        ],
        "files.edit_view": [f"/admin/files/edit/?id={here.file}"],
        "files.details_view": [f"{file}&tab={tab}" for tab in FILE_TABS],
        "files.ask_view": [f"/admin/files/ask/?action=delete&rowid={here.file}"],
        **details,
        **OWN_PAGES,
    }
