"""The actions that the audit log names; each further noun adds its own (`domain/nouns.py`)."""

from __future__ import annotations


class Action(str):
    """What was done, named `<noun>.<verb>`; documented in `docs/audit.md`. Equal to its name as text."""

    __slots__ = ()


class Actions:
    """All of them, noun by noun."""

    FILE_CREATE = Action("file.create")
    FILE_DOWNLOAD = Action("file.download")
    FILE_RENAME = Action("file.rename")
    FILE_TAG = Action("file.tag")
    FILE_TRANSFER = Action("file.transfer")
    FILE_TRASH = Action("file.trash")
    FILE_RESTORE = Action("file.restore")
    FILE_PURGE = Action("file.purge")
    FILE_DIGEST = Action("file.digest")
    FILE_VERIFY = Action("file.verify")
    FILE_DAMAGED = Action("file.damaged")
    UPLOAD_START = Action("upload.start")
    UPLOAD_CANCEL = Action("upload.cancel")
    UPLOAD_EXPIRE = Action("upload.expire")
    USER_CREATE = Action("user.create")
    USER_UPDATE = Action("user.update")
    USER_DISABLE = Action("user.disable")
    USER_ENABLE = Action("user.enable")
    USER_DELETE = Action("user.delete")
    USER_LEAVE = Action("user.leave")
    USER_PASSWORD = Action("user.password")
    USER_INVITE = Action("user.invite")
    ROLE_CREATE = Action("role.create")
    ROLE_UPDATE = Action("role.update")
    ROLE_DELETE = Action("role.delete")
    SESSION_START = Action("session.start")
    SESSION_REFUSE = Action("session.refuse")
    SESSION_END = Action("session.end")
    TOKEN_CREATE = Action("token.create")
    TOKEN_REVOKE = Action("token.revoke")
    TOKEN_REFUSE = Action("token.refuse")
    LINK_CREATE = Action("link.create")
    LINK_UPDATE = Action("link.update")
    LINK_REVOKE = Action("link.revoke")
    LINK_CLOSE = Action("link.close")
    LINK_REOPEN = Action("link.reopen")
    LINK_OPEN = Action("link.open")
    LINK_DOWNLOAD = Action("link.download")
    LINK_REFUSE = Action("link.refuse")
    JOB_START = Action("job.start")
    JOB_STOP = Action("job.stop")
    JOB_END = Action("job.end")
    JOB_DELETE = Action("job.delete")
    VIEW_CREATE = Action("view.create")
    VIEW_UPDATE = Action("view.update")
    VIEW_DELETE = Action("view.delete")
    BLOCK_LIFT = Action("block.lift")
    ACCESS_DENY = Action("access.deny")
    LIST_EXPORT = Action("list.export")
    AUDIT_READ = Action("audit.read")
    AUDIT_EXPORT = Action("audit.export")
    AUDIT_SEAL = Action("audit.seal")
    AUDIT_TRIM = Action("audit.trim")
    SYSTEM_INSTALL = Action("system.install")
    SYSTEM_REPAIR = Action("system.repair")
