"""Where somebody goes who signed in and did not say where to: to what they are here for."""

from __future__ import annotations

from flask import url_for

from backoffice.domain.access import Actor
from backoffice.domain.acts import Act, Acts, decide_act

FIRST: tuple[tuple[Act, str], ...] = (
    (Acts.AUDIT_READ, "audit.index_view"),
    (Acts.USER_READ, "users.index_view"),
    (Acts.FILES_LIST_ALL, "files.index_view"),
    (Acts.ROLE_READ, "roles.index_view"),
    (Acts.SESSION_READ_ALL, "sessions.index_view"),
    (Acts.TOKEN_READ, "tokens.index_view"),
    (Acts.JOBS_LIST_ALL, "jobs.index_view"),
    (Acts.JOBS_LIST, "jobs.index_view"),
    (Acts.SYSTEM_READ, "system.index_view"),
)


def landing(asking: Actor) -> str:
    """The address of the overview for who runs the site, of own files for who can have some, else of the first list
    that the person may see."""

    def may(act: Act) -> bool:
        return decide_act(asking, act).allowed

    if may(Acts.UPLOAD_START):
        return url_for("admin.index" if may(Acts.SYSTEM_READ) else "pages.upload")
    return url_for(next((endpoint for act, endpoint in FIRST if may(act)), "pages.upload"))
