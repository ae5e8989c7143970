"""Who may do what to whose, act by act: the table that services ask, that pages show from and `docs/access.md` is made
of.

A permission says what its holder may do; an act says what else has to hold: whose the object is, whether the actor may
act on that person's account at all, and what stands behind the request.
"""

from __future__ import annotations

from typing import Final

from backoffice.domain import nouns
from backoffice.domain.access import Actor, Decision, decide
from backoffice.domain.act_rows import Act, Proof, Rank, Whose
from backoffice.domain.actions import Action, Actions
from backoffice.domain.limits import UNDO_DAYS
from backoffice.domain.nouns import Noun
from backoffice.domain.permissions import Permission, Permissions

__all__ = ["WITHIN_ANOTHERS", "Act", "Acts", "Proof", "Rank", "Whose", "act_named", "act_on", "all_acts", "decide_act"]


def _own(name: str, text: str, takes: Permission, event: Action | None = None) -> Act:
    return Act(name, text, takes, Whose.OWN_OR_ALL, event=event)


def _only_own(name: str, text: str, takes: Permission, event: Action) -> Act:
    return Act(name, text, takes, Whose.OWN, event=event)


def _account(name: str, text: str, event: Action, rank: Rank = Rank.NO_LESS, proof: Proof = Proof.FRESH) -> Act:
    return Act(name, text, Permissions.USERS_WRITE, Whose.ACCOUNT, rank, proof, event)


def _site(name: str, text: str, takes: Permission, event: Action | None = None) -> Act:
    return Act(name, text, takes, event=event)


def _shell(name: str, text: str, takes: Permission, event: Action) -> Act:
    return Act(name, text, takes, proof=Proof.SHELL, event=event)


def _gives(name: str, text: str, takes: Permission, event: Action, proof: Proof = Proof.FRESH_OR_SCOPE) -> Act:
    return Act(name, text, takes, rank=Rank.GIVES, proof=proof, event=event)


class Acts:
    """All of them, but for those of further nouns (`act_on`)."""

    FILE_READ = _own("file.read", "see a file", Permissions.FILES_READ)
    FILE_DOWNLOAD = _own("file.download", "download", Permissions.FILES_READ, Actions.FILE_DOWNLOAD)
    FILES_LIST = Act("file.list", "list own files and uploads", Permissions.FILES_READ, Whose.OWN)
    FILES_LIST_ALL = _site("file.list_all", "list everybody's files and uploads", Permissions.FILES_ALL_READ)
    FILE_RENAME = _own("file.rename", "rename a file", Permissions.FILES_WRITE, Actions.FILE_RENAME)
    FILE_TAG = _own("file.tag", "change the tags of a file", Permissions.FILES_WRITE, Actions.FILE_TAG)
    FILE_TRANSFER = _site(
        "file.transfer", "hand a file over to an active user", Permissions.FILES_ALL_WRITE, Actions.FILE_TRANSFER
    )
    FILE_TRASH = _own("file.trash", "put into the trash", Permissions.FILES_DELETE, Actions.FILE_TRASH)
    FILE_RESTORE = _own("file.restore", "out of the trash", Permissions.FILES_DELETE, Actions.FILE_RESTORE)
    FILE_PURGE = _own("file.purge", "delete for good", Permissions.FILES_DELETE, Actions.FILE_PURGE)
    FILE_VERIFY = _own("file.verify", "compare a file with its digests", Permissions.FILES_WRITE, Actions.FILE_VERIFY)
    FILE_MOVE = _own("file.move", "put a file into another folder", Permissions.FILES_WRITE, Actions.FILE_MOVE)
    FILE_ACCEPT = _only_own(
        "file.accept", "accept a file that a guest has delivered", Permissions.FILES_WRITE, Actions.FILE_ACCEPT
    )
    FILE_REFUSE = _own("file.refuse", "refuse one, for good", Permissions.FILES_DELETE, Actions.FILE_REFUSE)
    DELIVERY_READ = _own("delivery.read", "see and read what guests have delivered", Permissions.FILES_READ)
    FOLDER_READ = _own("folder.read", "see a folder", Permissions.FILES_READ)
    FOLDER_CREATE = _only_own("folder.create", "make a folder", Permissions.FILES_WRITE, Actions.FOLDER_CREATE)
    FOLDER_RENAME = _own("folder.rename", "rename a folder", Permissions.FILES_WRITE, Actions.FOLDER_RENAME)
    FOLDER_MOVE = _own("folder.move", "move a folder", Permissions.FILES_WRITE, Actions.FOLDER_MOVE)
    FOLDER_DELETE = _own("folder.delete", "delete an empty folder", Permissions.FILES_DELETE, Actions.FOLDER_DELETE)
    FOLDER_TRASH = _own("folder.trash", "put a folder into the trash", Permissions.FILES_DELETE, Actions.FOLDER_TRASH)
    FOLDER_RESTORE = _own("folder.restore", "restore a folder", Permissions.FILES_DELETE, Actions.FOLDER_RESTORE)
    FOLDER_PURGE = _own("folder.purge", "delete a folder for good", Permissions.FILES_DELETE, Actions.FOLDER_PURGE)
    UPLOAD_READ = _own("upload.read", "see an upload", Permissions.FILES_READ)
    UPLOAD_CANCEL = _own("upload.cancel", "give an upload up", Permissions.FILES_WRITE, Actions.UPLOAD_CANCEL)
    UPLOAD_START = _only_own("upload.start", "begin an upload", Permissions.FILES_WRITE, Actions.UPLOAD_START)
    UPLOAD_SEND = Act("upload.send", "send bytes of an upload", Permissions.FILES_WRITE, Whose.OWN)
    FILE_CREATE = Act(
        "file.create", "make an upload or a body a file", Permissions.FILES_WRITE, Whose.OWN, event=Actions.FILE_CREATE
    )
    FILE_CONTENT = _only_own("file.content", "give a file new content", Permissions.FILES_WRITE, Actions.FILE_REPLACE)
    FILE_REPLACE = _only_own(
        "file.replace", "the same where no versions are kept", Permissions.FILES_DELETE, Actions.FILE_REPLACE
    )
    FILE_REVERT = _own("file.revert", "take an earlier version", Permissions.FILES_WRITE, Actions.FILE_REVERT)
    FILE_PRUNE = _own("file.prune", "delete an earlier version", Permissions.FILES_DELETE, Actions.FILE_PRUNE)

    USER_READ = _site("user.read", "see users, and what they use", Permissions.USERS_READ)
    USER_ACCESS = _site("user.access", "see who may do what, and why", Permissions.USERS_READ)
    USER_CREATE = _gives(
        "user.create", "make a user with role `user` or none", Permissions.USERS_WRITE, Actions.USER_CREATE, Proof.ANY
    )
    USER_CREATE_WITH_ROLES = _gives(
        "user.create_with_roles", "make a user with other roles", Permissions.USERS_WRITE, Actions.USER_CREATE
    )
    USER_UPDATE = _account("user.update", "give another quota", Actions.USER_UPDATE, proof=Proof.ANY)
    USER_RENAME = _account("user.rename", "give another name", Actions.USER_UPDATE)
    USER_ADDRESS = _account("user.address", "give another address", Actions.USER_UPDATE, Rank.MORE)
    USER_GIVE_ROLES = _account("user.give_roles", "give roles and take none", Actions.USER_UPDATE)
    USER_TAKE_ROLES = _account("user.take_roles", "give other roles, which grant less", Actions.USER_UPDATE, Rank.MORE)
    USER_END = _account("user.end", "set the date or the days after which the account is over", Actions.USER_UPDATE)
    USER_PASSWORD = _account("user.password", "give a password", Actions.USER_PASSWORD, Rank.MORE)
    USER_INVITE = _account("user.invite", "make a link for who has no password yet", Actions.USER_INVITE)
    USER_RESET = _account("user.reset", "make a link for who has a password", Actions.USER_INVITE, Rank.MORE)
    USER_DISABLE = _account("user.disable", "disable", Actions.USER_DISABLE)
    USER_ENABLE = _account("user.enable", "enable", Actions.USER_ENABLE)
    USER_DELETE = _account("user.delete", "delete", Actions.USER_DELETE)
    USER_LEAVE = _account(
        "user.leave", "let a person leave: disable, sign out, hand over the files", Actions.USER_LEAVE
    )
    PASSWORD_CHANGE = Act(
        "password.change",
        "change one's own password",
        None,
        Whose.OWN,
        proof=Proof.PERSON,
        event=Actions.USER_PASSWORD,
    )

    BLOCK_READ = _site("block.read", "see whom failed sign-ins keep waiting", Permissions.USERS_READ)
    BLOCK_LIFT = _site("block.lift", "let them try again", Permissions.USERS_WRITE, Actions.BLOCK_LIFT)

    ROLE_READ = _site("role.read", "see roles", Permissions.ROLES_READ)
    ROLE_CREATE = _gives("role.create", "make a role", Permissions.ROLES_WRITE, Actions.ROLE_CREATE)
    ROLE_UPDATE = _gives("role.update", "change a role", Permissions.ROLES_WRITE, Actions.ROLE_UPDATE)
    ROLE_DELETE = _gives("role.delete", "delete a role", Permissions.ROLES_WRITE, Actions.ROLE_DELETE)

    SESSION_LIST = Act("session.list", "see own sessions", None, Whose.OWN, proof=Proof.PERSON)
    SESSION_END = Act(
        "session.end", "end one of one's own", None, Whose.OWN, proof=Proof.PERSON, event=Actions.SESSION_END
    )
    SESSION_READ_ALL = _site("session.read_all", "see somebody's sessions", Permissions.SESSIONS_ALL)
    SESSION_END_ALL = Act(
        "session.end_all",
        "end somebody's session",
        Permissions.SESSIONS_ALL,
        Whose.OWN_OR_ALL,
        Rank.NO_LESS,
        event=Actions.SESSION_END,
    )
    TOKEN_LIST = Act("token.list", "see own tokens", Permissions.TOKENS_OWN, Whose.OWN)
    TOKEN_READ = _site("token.read", "see everybody's tokens", Permissions.TOKENS_ALL)
    TOKEN_CREATE = Act(
        "token.create",
        "make a token",
        Permissions.TOKENS_OWN,
        Whose.OWN,
        proof=Proof.FRESH,
        event=Actions.TOKEN_CREATE,
    )
    TOKEN_REVOKE = Act(
        "token.revoke",
        "revoke a token",
        Permissions.TOKENS_OWN,
        Whose.OWN_OR_ALL,
        Rank.NO_LESS,
        event=Actions.TOKEN_REVOKE,
    )

    REQUEST_LIST = Act("request.list", "list own requests for files", Permissions.FILES_REQUEST, Whose.OWN)
    REQUEST_CREATE = _only_own(
        "request.create", "request files by a link", Permissions.FILES_REQUEST, Actions.LINK_CREATE
    )
    REQUEST_UPDATE = _only_own(
        "request.update", "another end or other bounds of a request", Permissions.FILES_REQUEST, Actions.LINK_UPDATE
    )
    REQUEST_REVOKE = _own("request.revoke", "revoke a request", Permissions.FILES_REQUEST, Actions.LINK_REVOKE)
    LINK_LIST = Act("link.list", "list own share links", Permissions.FILES_SHARE, Whose.OWN)
    LINK_READ = _site("link.read", "see everybody's share links", Permissions.LINKS_READ)
    LINK_CREATE = _only_own(
        "link.create", "share a file or folder that one may download", Permissions.FILES_SHARE, Actions.LINK_CREATE
    )
    LINK_UPDATE = _only_own(
        "link.update",
        "another end, password or number of downloads of a share link",
        Permissions.FILES_SHARE,
        Actions.LINK_UPDATE,
    )
    LINK_REOPEN = _site(
        "link.reopen", "open a share link again that is closed", Permissions.LINKS_WRITE, Actions.LINK_REOPEN
    )
    LINK_REVOKE = _own("link.revoke", "revoke a share link", Permissions.FILES_SHARE, Actions.LINK_REVOKE)

    SHARE_LIST = Act("share.list", "list own shares", Permissions.FILES_SHARE, Whose.OWN)
    SHARE_READ = _site("share.read", "see everybody's shares", Permissions.LINKS_READ)
    SHARE_CREATE = _only_own(
        "share.create",
        "share a file or folder that one may download with a person or role",
        Permissions.FILES_SHARE,
        Actions.SHARE_CREATE,
    )
    SHARE_UPDATE = _only_own(
        "share.update", "let them write as well, or only read", Permissions.FILES_SHARE, Actions.SHARE_UPDATE
    )
    SHARE_REOPEN = _site(
        "share.reopen", "open a share again that is closed", Permissions.LINKS_WRITE, Actions.SHARE_REOPEN
    )
    SHARE_REVOKE = _own("share.revoke", "revoke a share", Permissions.FILES_SHARE, Actions.SHARE_REVOKE)
    SHARE_OPEN = Act("share.open", "see and download what is shared with one", Permissions.FILES_READ, Whose.OWN)
    SHARE_WRITE = _only_own(
        "share.write",
        "put files into a folder that is shared with one to write into",
        Permissions.FILES_WRITE,
        Actions.FILE_CREATE,
    )

    JOB_READ = _own("job.read", "see a job and its report", Permissions.JOBS_WRITE)
    JOBS_LIST = Act("job.list", "list own jobs", Permissions.JOBS_WRITE, Whose.OWN)
    JOBS_LIST_ALL = _site("job.list_all", "list everybody's jobs", Permissions.JOBS_READ)
    JOB_START = Act(
        "job.start",
        "start a job; each record takes its own act, too",
        Permissions.JOBS_WRITE,
        Whose.OWN,
        event=Actions.JOB_START,
    )
    JOB_STOP = _site("job.stop", "stop a job that one may see", Permissions.JOBS_WRITE, Actions.JOB_STOP)

    VIEW_READ = Act("view.read", "see saved views of a list that one may see", None, Whose.OWN)
    VIEW_CREATE = Act(
        "view.create", "save a view of a list that one may see", None, Whose.OWN, event=Actions.VIEW_CREATE
    )
    VIEW_UPDATE = Act("view.update", "change a saved view", None, Whose.OWN, event=Actions.VIEW_UPDATE)
    VIEW_DELETE = Act("view.delete", "delete a saved view", None, Whose.OWN, event=Actions.VIEW_DELETE)
    VIEW_CHANGE_ALL = _site("view.change_all", "change or delete a shared one of somebody", Permissions.VIEWS_WRITE)
    LIST_ARRANGE = Act("list.arrange", "choose columns and density of a list, for oneself", None, Whose.OWN)
    ACT_UNDO = Act(
        "act.undo",
        f"undo an act of the last {UNDO_DAYS} days; it takes what the opposite act takes, and is its entry",
        None,
    )
    AUDIT_READ = _site("audit.read", "read the log", Permissions.AUDIT_READ, Actions.AUDIT_READ)
    AUDIT_EXPORT = _site("audit.export", "take the log along", Permissions.AUDIT_EXPORT, Actions.AUDIT_EXPORT)
    AUDIT_SEAL = _shell("audit.seal", "seal what was taken along", Permissions.AUDIT_EXPORT, Actions.AUDIT_SEAL)
    AUDIT_TRIM = _shell("audit.trim", "cut what is sealed", Permissions.SYSTEM_WRITE, Actions.AUDIT_TRIM)
    SYSTEM_READ = _site("system.read", "see the state of the system", Permissions.SYSTEM_READ)
    SYSTEM_REPAIR = _site("system.repair", "repair the store", Permissions.SYSTEM_WRITE, Actions.SYSTEM_REPAIR)
    SYSTEM_ENCRYPT = _site("system.encrypt", "encrypt the store", Permissions.SYSTEM_WRITE, Actions.SYSTEM_ENCRYPT)
    SYSTEM_BACKUP = _site("system.backup", "back up the store", Permissions.SYSTEM_WRITE, Actions.SYSTEM_BACKUP)
    SYSTEM_RESTORE = _shell("system.restore", "restore a backup", Permissions.SYSTEM_WRITE, Actions.SYSTEM_RESTORE)
    SYSTEM_PROVE = _shell("system.prove", "prove a backup", Permissions.SYSTEM_WRITE, Actions.SYSTEM_PROVE)


WITHIN_ANOTHERS: Final = frozenset(
    {
        Acts.FILE_READ,
        Acts.FILE_DOWNLOAD,
        Acts.FILES_LIST,
        Acts.FOLDER_READ,
        Acts.FOLDER_CREATE,
        Acts.UPLOAD_READ,
        Acts.UPLOAD_START,
        Acts.UPLOAD_SEND,
        Acts.UPLOAD_CANCEL,
        Acts.FILE_CREATE,
        Acts.FILE_CONTENT,
        Acts.FILE_REPLACE,
    }
)
"""What is done within another's files by whom that was given (`Actor.acts_for`), and nothing else: the rights that they
hold for it would do for more."""
_CORE = {one.name: one for one in vars(Acts).values() if isinstance(one, Act)}


def act_named(name: str) -> Act:
    """The act of this name. Raises KeyError; those of further nouns are asked of `act_on`."""
    return _CORE[name]


def act_on(noun: Noun, verb: str) -> Act:
    """The act `read`, `create`, `update` or `delete` on the records of a noun: the row above, where there is one, else
    the plain one."""
    name = f"{noun.name}.{verb}"
    if name in _CORE:
        return _CORE[name]
    event = {"create": noun.create, "update": noun.update, "delete": noun.delete}.get(verb)
    return Act(name, f"{verb} a {noun.name}", noun.read if verb == "read" else noun.write, event=event)


def decide_act(actor: Actor, act: Act, owner: str | None = None) -> Decision:
    """Whether `actor` holds what the act takes, and why; `owner` is the id of the object's owner where it has one.

    Services refuse by it, pages show by it. Rank and what stands behind the request come after it.
    """
    if not actor.signed_in:
        return Decision(False, "nobody is signed in")
    if owner is not None and owner != actor.owner and act.whose is Whose.OWN:
        return Decision(False, "nobody does this for somebody else")
    if actor.acts_for and act not in WITHIN_ANOTHERS:
        return Decision(False, "nobody does this within another's files")
    return decide(actor, act.takes, owner) if act.takes is not None else Decision(True, "signed in")


def all_acts() -> tuple[Act, ...]:
    """Every act there is."""
    verbs = ("read", "create", "update", "delete")
    return (*_CORE.values(), *(act_on(noun, verb) for noun in nouns.NOUNS for verb in verbs))
