"""What is done to prove the table of acts: each act, on something that belongs to somebody."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from backoffice.domain.access import ADMIN, Actor, granted_by
from backoffice.domain.acts import Act, Acts, Whose
from backoffice.domain.backups import BackupCounts, BackupHeader
from backoffice.domain.deliveries import RequestTerms
from backoffice.domain.files import FileSpec, OnConflict
from backoffice.domain.ids import new_id
from backoffice.domain.jobs import Selection
from backoffice.domain.maintenance import Report
from backoffice.domain.paging import Query
from backoffice.domain.permissions import Permissions
from backoffice.domain.shares import ShareAccess
from backoffice.domain.throttling import Bucket
from backoffice.domain.users import User
from backoffice.domain.views import ListLook
from backoffice.services.backups import Restored
from backoffice.services.leaving import SEEN, FilesGo
from backoffice.services.sign_in.throttle import NETWORK
from tests.support.people import PASSWORD
from tests.support.scene import Scene
from tests.support.uploads import reader

Do = Callable[[Actor], object]
Prepare = Callable[[Scene, User], Do]
"""Makes something that belongs to the user, and gives what is done to it."""


def _role(on: Scene, _: User) -> str:
    name = f"r{next(NUMBERS)}"
    on.people.roles.create(_root(on), name=name, permissions=["files:read"])
    return name


def _block(on: Scene, _: User) -> str:
    address = f"192.0.2.{next(NUMBERS) % 250}"
    for _n in range(NETWORK.free + 1):
        on.people.throttle.attempt((Bucket(f"network:{address}", NETWORK, keeps=True),))
    return f"address:{address}"


def _root(on: Scene) -> Actor:
    return replace(on.people.actor(on.people.user_store.find("spare") or on.people.user("spare", ADMIN)))


def _file(act: str, *, trashed: bool = False) -> Prepare:
    def prepare(on: Scene, whom: User) -> Do:
        file, more = on.file(whom, trashed=trashed), (f"{next(NUMBERS)}.txt",) if act == "rename" else ()
        return lambda who: getattr(on.world.library, act)(who, file, *more)

    return prepare


def _user(act: str, *more: Any, **fields: Any) -> Prepare:
    return lambda on, whom: lambda who: getattr(on.people.users, act)(who, whom.id, *more, **fields)


def _with(make: Callable[[Scene, User], Any], do: Callable[[Scene, Actor, Any], object]) -> Prepare:
    def prepare(on: Scene, whom: User) -> Do:
        made = make(on, whom)
        return lambda who: do(on, who, made)

    return prepare


def _complete(on: Scene, who: Actor, upload: str, **options: Any) -> object:
    return on.world.service.complete(who, upload, FileSpec("c.txt", **options), total_size=6)


def _enable(on: Scene, whom: User) -> Do:
    disabled = on.people.users.disable(_root(on), whom.id)
    return lambda who: on.people.users.enable(who, disabled.id)


def _give_roles(on: Scene, whom: User) -> Do:
    """A role that grants what the person holds anyway."""
    return lambda who: on.people.users.update(who, whom.id, roles=[*whom.roles, on.harmless])


def _invite(on: Scene, whom: User) -> Do:
    """For somebody who has no password yet."""
    made = on.people.users.create(_root(on), username=f"i{next(NUMBERS)}", roles=whom.roles)[0]
    return lambda who: on.people.users.invite(who, made.id)


def _replace_for_good(on: Scene, whom: User) -> Do:
    """In the place of a file of theirs, on a site that keeps no earlier versions."""
    name, service = f"d{next(NUMBERS)}.txt", on.world.service
    service.upload_stream(on.writer(whom), FileSpec(name), reader(b"old"))
    keeps_none = replace(service, limits=replace(service.limits, keep_versions=0))
    spec = FileSpec(name, on_conflict=OnConflict.REPLACE)
    return lambda who: keeps_none.upload_stream(who, spec, reader(b"one"))


NUMBERS: Final = itertools.count(1)
NOTHING_RESTORED: Final = Restored(BackupHeader("", 0, "", 1, 0), BackupCounts(), Report(), (), ())
WALKS: Final[dict[Act, Prepare]] = {
    Acts.FILE_READ: _file("get"),
    Acts.FILE_DOWNLOAD: _with(Scene.file, lambda on, who, file: on.world.read(who, file)),
    Acts.FILE_VERIFY: _with(Scene.file, lambda on, who, file: on.world.inspection.verify(who, file)),
    Acts.FILES_LIST: lambda on, _: lambda who: on.world.library.page(who, Query()),
    Acts.FILES_LIST_ALL: lambda on, _: lambda who: on.world.library.page(who, Query(), everybody=True),
    Acts.FILE_RENAME: _file("rename"),
    Acts.FILE_TAG: _with(Scene.file, lambda on, who, file: on.world.library.tag(who, file, [f"t{next(NUMBERS)}"])),
    Acts.FILE_TRANSFER: _with(Scene.file, lambda on, who, file: on.world.library.transfer(who, file, "bob")),
    Acts.FILE_TRASH: _file("trash"),
    Acts.FILE_RESTORE: _file("restore", trashed=True),
    Acts.FILE_PURGE: _file("purge"),
    Acts.FILE_MOVE: _with(
        lambda on, whom: (on.file(whom), on.folder(whom)),
        lambda on, who, made: on.world.library.amend(who, made[0], folder=made[1]),
    ),
    Acts.FILE_ACCEPT: _with(Scene.delivery, lambda on, who, file: on.deliveries.accept(who, file)),
    Acts.FILE_REFUSE: _with(Scene.delivery, lambda on, who, file: on.deliveries.refuse(who, file)),
    Acts.DELIVERY_READ: _with(Scene.delivery, lambda on, who, file: on.deliveries.get(who, file)),
    Acts.FOLDER_READ: _with(Scene.folder, lambda on, who, folder: on.world.folders.get(who, folder)),
    Acts.FOLDER_CREATE: lambda on, _: lambda who: on.world.folders.create(who, name=new_id()),
    Acts.FOLDER_RENAME: _with(
        Scene.folder, lambda on, who, folder: on.world.folders.update(who, folder, name=new_id())
    ),
    Acts.FOLDER_MOVE: _with(
        lambda on, whom: (on.folder(whom), on.folder(whom)),
        lambda on, who, made: on.world.folders.update(who, made[0], parent=made[1]),
    ),
    Acts.FOLDER_DELETE: _with(Scene.folder, lambda on, who, folder: on.world.folders.delete(who, folder)),
    Acts.FOLDER_TRASH: _with(Scene.folder, lambda on, who, folder: on.world.folders.trash(who, folder)),
    Acts.FOLDER_RESTORE: _with(Scene.trashed_folder, lambda on, who, folder: on.world.folders.restore(who, folder)),
    Acts.FOLDER_PURGE: _with(Scene.trashed_folder, lambda on, who, folder: on.world.folders.purge(who, folder)),
    Acts.UPLOAD_READ: _with(Scene.upload, lambda on, who, upload: on.world.service.state(who, upload)),
    Acts.UPLOAD_CANCEL: _with(Scene.upload, lambda on, who, upload: on.world.service.cancel(who, upload)),
    Acts.UPLOAD_START: lambda on, _: lambda who: on.world.service.start(who, total_chunks=1),
    Acts.UPLOAD_SEND: _with(Scene.upload, lambda on, who, upload: on.world.put(who, upload, 0, [b"one", b"two"])),
    Acts.FILE_CREATE: _with(lambda on, whom: on.upload(whom, whole=True), _complete),
    Acts.FILE_CONTENT: _with(
        Scene.file, lambda on, who, file: on.world.service.replace_content(who, file, reader(b"one"))
    ),
    Acts.FILE_REPLACE: _replace_for_good,
    Acts.FILE_REVERT: _with(
        Scene.file_with_version, lambda on, who, made: on.world.library.restore_version(who, *made)
    ),
    Acts.FILE_PRUNE: _with(Scene.file_with_version, lambda on, who, made: on.world.library.delete_version(who, *made)),
    Acts.USER_READ: lambda on, _: lambda who: on.people.users.page(who, Query()),
    Acts.USER_ACCESS: lambda on, whom: lambda who: on.people.access.why(who, whom.id),
    Acts.USER_CREATE: lambda on, _: lambda who: on.people.users.create(who, username=f"n{next(NUMBERS)}"),
    Acts.USER_CREATE_WITH_ROLES: lambda on, _: (
        lambda who: on.people.users.create(who, username=f"n{next(NUMBERS)}", roles=["operator"])
    ),
    Acts.USER_UPDATE: _user("update", quota_bytes=1),
    Acts.USER_RENAME: lambda on, whom: lambda who: on.people.users.update(who, whom.id, username=f"n{next(NUMBERS)}"),
    Acts.USER_ADDRESS: lambda on, whom: (
        lambda who: on.people.users.update(who, whom.id, email=f"{next(NUMBERS)}@example.org")
    ),
    Acts.USER_GIVE_ROLES: _give_roles,
    Acts.USER_TAKE_ROLES: _user("update", roles=[]),
    Acts.USER_END: lambda on, whom: (
        lambda who: on.people.users.update(who, whom.id, inactive_days=next(NUMBERS) % 3000)
    ),
    Acts.USER_PASSWORD: _user("set_password", PASSWORD + "!"),
    Acts.USER_INVITE: _invite,
    Acts.USER_RESET: _user("invite"),
    Acts.USER_DISABLE: _user("disable"),
    Acts.USER_ENABLE: _enable,
    Acts.USER_DELETE: _user("delete"),
    Acts.USER_LEAVE: lambda on, whom: lambda who: on.leaving.leave(who, whom.id, FilesGo.KEEP),
    Acts.PASSWORD_CHANGE: lambda on, _: lambda who: on.people.users.change_password(who, PASSWORD, PASSWORD + "!"),
    Acts.BLOCK_READ: lambda on, _: lambda who: on.people.blocks.page(who, Query()),
    Acts.BLOCK_LIFT: _with(_block, lambda on, who, block: on.people.blocks.lift(who, block)),
    Acts.ROLE_READ: lambda on, _: on.people.roles.all,
    Acts.ROLE_CREATE: lambda on, _: (
        lambda who: on.people.roles.create(who, name=f"r{next(NUMBERS)}", permissions=["files:read"])
    ),
    Acts.ROLE_UPDATE: _with(_role, lambda on, who, role: on.people.roles.update(who, role, description="other")),
    Acts.ROLE_DELETE: _with(_role, lambda on, who, role: on.people.roles.delete(who, role)),
    Acts.SESSION_LIST: lambda on, _: on.people.sessions.mine,
    Acts.SESSION_END: _with(Scene.session, lambda on, who, session: on.people.sessions.end(who, session)),
    Acts.SESSION_READ_ALL: lambda on, whom: lambda who: on.people.sessions.of_user(who, whom.id),
    Acts.SESSION_END_ALL: _with(Scene.session, lambda on, who, session: on.people.sessions.end(who, session)),
    Acts.TOKEN_LIST: lambda on, _: on.people.tokens.mine,
    Acts.TOKEN_READ: lambda on, _: lambda who: on.people.tokens.page(who, Query()),
    Acts.TOKEN_CREATE: lambda on, whom: lambda who: on.people.tokens.create(who, name="t", user_id=whom.id),
    Acts.TOKEN_REVOKE: _with(Scene.token, lambda on, who, token: on.people.tokens.revoke(who, token)),
    Acts.REQUEST_LIST: lambda on, _: on.requests.rule,
    Acts.REQUEST_CREATE: lambda on, _: (
        lambda who: on.requests.create(who, name=f"r{next(NUMBERS)}", terms=RequestTerms(max_files=1))
    ),
    Acts.REQUEST_UPDATE: _with(
        Scene.request, lambda on, who, link: on.requests.update(who, link, max_files=next(NUMBERS) % 999 + 1)
    ),
    Acts.REQUEST_REVOKE: _with(Scene.request, lambda on, who, link: on.links.revoke(who, link)),
    Acts.LINK_LIST: lambda on, _: lambda who: on.links.held(who, Query()),
    Acts.LINK_READ: lambda on, _: lambda who: on.links.held(who, Query(), everybody=True),
    Acts.LINK_CREATE: _with(Scene.file, lambda on, who, file: on.links.create(who, file=file)),
    Acts.LINK_UPDATE: _with(Scene.link, lambda on, who, link: on.links.update(who, link, max_downloads=next(NUMBERS))),
    Acts.LINK_REOPEN: _with(Scene.closed_link, lambda on, who, link: on.links.reopen(who, link)),
    Acts.LINK_REVOKE: _with(Scene.link, lambda on, who, link: on.links.revoke(who, link)),
    Acts.SHARE_LIST: lambda on, _: lambda who: on.shares.held(who, Query()),
    Acts.SHARE_READ: lambda on, _: lambda who: on.shares.held(who, Query(), everybody=True),
    Acts.SHARE_CREATE: _with(
        lambda on, whom: (on.file(whom), on.people.user(f"g{next(NUMBERS)}").username),
        lambda on, who, made: on.shares.create(who, file=made[0], user=made[1]),
    ),
    Acts.SHARE_UPDATE: _with(
        Scene.share,
        lambda on, who, share: on.shares.update(who, share, access=ShareAccess.READ),
    ),
    Acts.SHARE_REOPEN: _with(Scene.closed_share, lambda on, who, share: on.shares.reopen(who, share)),
    Acts.SHARE_REVOKE: _with(Scene.share, lambda on, who, share: on.shares.revoke(who, share)),
    Acts.SHARE_OPEN: _with(Scene.received, lambda on, who, share: on.shared.look(who, share)),
    Acts.SHARE_WRITE: _with(
        Scene.received, lambda on, who, share: on.shared.put(who, share, FileSpec("s.txt"), reader(b"one"))
    ),
    Acts.JOB_READ: _with(Scene.job, lambda on, who, job: on.jobs.get(who, job)),
    Acts.JOBS_LIST: lambda on, _: lambda who: on.jobs.page(who, Query(), everybody=False),
    Acts.JOBS_LIST_ALL: lambda on, _: lambda who: on.jobs.page(who, Query(), everybody=True),
    Acts.JOB_START: _with(Scene.file, lambda on, who, file: on.jobs.start(who, "file.trash", Selection((file,)))),
    Acts.JOB_STOP: _with(Scene.job, lambda on, who, job: on.jobs.stop(who, job)),
    Acts.VIEW_READ: lambda on, _: lambda who: on.views.for_section(who, "files"),
    Acts.VIEW_CREATE: lambda on, _: lambda who: on.views.create(who, section="files", name="v", query=""),
    Acts.VIEW_UPDATE: _with(Scene.view, lambda on, who, view: on.views.update(who, view, name=f"{next(NUMBERS)}")),
    Acts.VIEW_DELETE: _with(Scene.view, lambda on, who, view: on.views.delete(who, view)),
    Acts.VIEW_CHANGE_ALL: _with(
        lambda on, _: on.view(on.people.user(f"sharer{next(NUMBERS)}"), shared=True),
        lambda on, who, view: on.views.delete(who, view),
    ),
    Acts.LIST_ARRANGE: lambda on, _: lambda who: on.lists.arrange(who, "files", ListLook(compact=True)),
    Acts.ACT_UNDO: lambda on, _: lambda who: on.undo.of_request(who, "r"),
    Acts.AUDIT_READ: lambda on, _: on.people.audit.page,
    Acts.AUDIT_EXPORT: lambda on, _: on.archive.export,
    Acts.AUDIT_SEAL: lambda on, _: lambda who: on.archive.seal(who, []),
    Acts.AUDIT_TRIM: lambda on, _: lambda who: on.archive.trim(who, []),
    Acts.SYSTEM_READ: lambda on, _: on.world.maintenance.check,
    Acts.SYSTEM_REPAIR: lambda on, _: on.world.maintenance.repair,
    Acts.SYSTEM_ENCRYPT: lambda on, _: on.encryption.rotate,
    Acts.SYSTEM_BACKUP: lambda on, _: on.back_up,
    Acts.SYSTEM_RESTORE: lambda on, _: lambda who: list(on.backups.restore(who, Path("none"))),
    Acts.SYSTEM_PROVE: lambda on, _: lambda who: on.backups.note_proven(who, Path("none"), NOTHING_RESTORED, 0),
}
ONLY_OWN: Final = {
    Acts.SESSION_LIST,
    Acts.SESSION_END,
    Acts.TOKEN_LIST,
    Acts.FILES_LIST,
    Acts.JOBS_LIST,
    Acts.LINK_LIST,
    Acts.REQUEST_LIST,
    Acts.SHARE_LIST,
    Acts.VIEW_READ,
    Acts.LIST_ARRANGE,
}
"""What they are asked for names nobody else, or with somebody else's is the row below."""
ONLY_OTHERS: Final = {Acts.SESSION_END_ALL, Acts.USER_LEAVE}
BEGINS: Final = {
    Acts.FOLDER_CREATE,
    Acts.JOB_START,
    Acts.VIEW_CREATE,
    Acts.UPLOAD_START,
    Acts.FILE_REPLACE,
    Acts.REQUEST_CREATE,
    Acts.PASSWORD_CHANGE,
}
"""There is nothing yet, or nothing named, that could be somebody else's."""
BESIDES: Final = {
    Acts.LINK_CREATE: Acts.FILE_DOWNLOAD,
    Acts.REQUEST_CREATE: Acts.FOLDER_CREATE,
    Acts.SHARE_CREATE: Acts.FILE_DOWNLOAD,
    Acts.JOB_START: Acts.FILE_TRASH,
    Acts.JOB_STOP: Acts.JOB_READ,
    Acts.FILE_REPLACE: Acts.FILE_CREATE,
    Acts.USER_ACCESS: Acts.ROLE_READ,
}
"""What takes another act, too."""
ALSO: Final = {Acts.USER_LEAVE: SEEN}
"""What has to be allowed besides, about everybody."""
LISTED: Final = {Acts.VIEW_READ, Acts.VIEW_CREATE, Acts.VIEW_CHANGE_ALL, Acts.LIST_ARRANGE}
"""What is done about a list that one may see: here, that of everybody's files."""
GIVEN: Final = {
    Acts.USER_CREATE: granted_by("user"),
    Acts.USER_CREATE_WITH_ROLES: granted_by("operator"),
    **dict.fromkeys((Acts.ROLE_CREATE, Acts.ROLE_UPDATE, Acts.ROLE_DELETE), frozenset({Permissions.FILES_READ})),
}
WITHOUT_EVENT_HERE: Final = {Acts.SYSTEM_REPAIR}
"""There is nothing to repair."""
LOOKS: Final = {act for act in WALKS if act.event is None and act is not Acts.VIEW_CHANGE_ALL} | {Acts.FILE_DOWNLOAD}
"""What is looked at is there afterwards as before, and can be looked at by the next."""
PERSONAL: Final = {act for act in WALKS if act.whose is Whose.ACCOUNT} | {Acts.PASSWORD_CHANGE, Acts.AUDIT_READ}
"""What makes another of the person, or is an entry once a minute for each: somebody new stands in then."""
