"""All services of one application, as the edges receive them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from backoffice.services.access import Access
from backoffice.services.archive import Archive
from backoffice.services.audit import Audit
from backoffice.services.backup_schedule import BackupSchedule
from backoffice.services.backups import Backups
from backoffice.services.blocks import Blocks
from backoffice.services.consequences import Consequences
from backoffice.services.deliveries import Deliveries
from backoffice.services.effective import Effective
from backoffice.services.encryption import EncryptionCare
from backoffice.services.file_inspection import FileInspection
from backoffice.services.files import Files
from backoffice.services.folders import Folders
from backoffice.services.guests import Guests
from backoffice.services.jobs import Jobs
from backoffice.services.leaving import Leaving
from backoffice.services.link_effects import LinkEffects
from backoffice.services.link_requests import Requests
from backoffice.services.links import Links
from backoffice.services.maintenance import Maintenance
from backoffice.services.migrations import Migrations
from backoffice.services.ports import IdentityStore
from backoffice.services.roles import Roles
from backoffice.services.sessions import Sessions
from backoffice.services.share_effects import ShareEffects
from backoffice.services.shared_files import SharedFiles
from backoffice.services.shares import Shares
from backoffice.services.system import System
from backoffice.services.tokens import Tokens
from backoffice.services.undo import Undo
from backoffice.services.uploads.resumable import Resumable
from backoffice.services.uploads.secrets import UploadSecrets
from backoffice.services.uploads.service import Uploads
from backoffice.services.users import Users
from backoffice.services.views import Lists, Views
from backoffice.services.zips import Zips


@dataclass(frozen=True, slots=True)
class Services:
    """Made by `composition.py` and by nobody else."""

    users: Users
    roles: Roles
    sessions: Sessions
    tokens: Tokens
    links: Links
    guests: Guests
    shared: SharedFiles
    views: Views
    lists: Lists
    audit: Audit
    backup_schedule: BackupSchedule
    files: Files
    upload_secrets: UploadSecrets
    jobs: Jobs
    leaving: Leaving
    undo: Undo
    access: Access
    consequences: Consequences
    effective: Effective
    blocks: Blocks
    system: System
    identities: IdentityStore
    migrations: Migrations
    encryption: EncryptionCare
    together: Callable[..., list[Any]]
    """`together(read, read, …)` is what each of these functions returns, for a page that shows several things: they
    share their round trips. They do not depend on each other, and they are reads, for the code of each may run several
    times. Raises what the first one to fail raises."""

    @property
    def inspection(self) -> FileInspection:
        """Looking into stored files."""
        files = self.files
        return FileInspection(files.files, files.uploads, files.chunks, files.audit)

    @property
    def backups(self) -> Backups:
        """Making and restoring them, whoever asks for it."""
        return self.backup_schedule.backups

    @property
    def archive(self) -> Archive:
        """Exports, seals and the trimming of the log."""
        return self.backups.archive

    @property
    def maintenance(self) -> Maintenance:
        """Checks of the whole store."""
        return self.backups.maintenance

    @property
    def requests(self) -> Requests:
        """Requests for files, for who makes them."""
        return self.guests.requests

    @property
    def deliveries(self) -> Deliveries:
        """What came by them."""
        return self.guests.deliveries

    @property
    def link_effects(self) -> LinkEffects:
        """What a change of roles would do to share links."""
        return LinkEffects(self.links, self.users.store, self.roles.store, self.together)

    @property
    def share_effects(self) -> ShareEffects:
        """What it would do to shares with people and roles."""
        return ShareEffects(self.shares, self.users.store, self.roles.store, self.together)

    @property
    def folders(self) -> Folders:
        return self.shared.folders

    @property
    def uploads(self) -> Uploads:
        return self.shared.all_uploads

    @property
    def shares(self) -> Shares:
        """What owners and operators ask of shares; `shared` is the door of the others."""
        return self.shared.shares

    @property
    def zips(self) -> Zips:
        """Archives of one's own files, and of everybody's."""
        return self.shared.zips

    @property
    def resumable(self) -> Resumable:
        """What tus clients ask of `uploads`."""
        return Resumable(self.uploads, self.folders)
