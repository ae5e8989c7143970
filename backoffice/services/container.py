"""All services of one application, as the edges receive them."""

from __future__ import annotations

from dataclasses import dataclass

from backoffice.services.audit import Audit
from backoffice.services.files import Files
from backoffice.services.maintenance import Maintenance
from backoffice.services.ports import IdentityStore, Together
from backoffice.services.roles import Roles
from backoffice.services.sessions import Sessions
from backoffice.services.system import System
from backoffice.services.tokens import Tokens
from backoffice.services.uploads.service import Uploads
from backoffice.services.users import Users


@dataclass(frozen=True, slots=True)
class Services:
    """Made by `app.py` and by nobody else."""

    users: Users
    roles: Roles
    sessions: Sessions
    tokens: Tokens
    audit: Audit
    files: Files
    uploads: Uploads
    system: System
    identities: IdentityStore
    maintenance: Maintenance
    together: Together
