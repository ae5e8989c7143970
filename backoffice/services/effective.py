"""The values that hold for a user, each with its source: for the user's page, for roles and for programs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass

from backoffice.domain.access import Actor
from backoffice.domain.acts import Acts
from backoffice.domain.audit import ObjectRef
from backoffice.domain.effective import EffectiveValue, Source, Unit, effective_quota
from backoffice.domain.ids import is_id
from backoffice.domain.lifecycle import OPEN_END, AccountPolicy
from backoffice.domain.limits import MAX_SESSIONS, MAX_TOKEN_DAYS, MAX_TOKENS
from backoffice.domain.link_rules import PLAIN, LinkPolicy
from backoffice.domain.roles import Role
from backoffice.domain.users import User
from backoffice.errors import NotFound
from backoffice.services.authorization import authorize
from backoffice.services.log_ports import AuditLog
from backoffice.services.ports import AccountStore
from backoffice.services.uploads.limits import UploadLimits

DAY_SECONDS = 24 * 60 * 60


@dataclass(frozen=True, slots=True)
class Effective:
    """A value is the user's, a role's, the site's, or the product's."""

    accounts: AccountStore
    audit: AuditLog
    limits: UploadLimits
    _: KW_ONLY
    session_idle_seconds: int
    session_max_seconds: int
    max_files: int | None
    policy: AccountPolicy = OPEN_END
    link_policy: LinkPolicy = PLAIN

    def of(self, actor: Actor, user_id: str) -> tuple[EffectiveValue, ...]:
        """Of one user. Takes users:read, but for oneself. One round trip. Raises NotFound."""
        if not actor.signed_in or user_id != actor.id:
            authorize(self.audit, actor, Acts.USER_READ, target=ObjectRef("user", user_id))
        user, roles = self.accounts.load(user_id) if is_id(user_id) else (None, {})
        if user is None:
            raise NotFound
        return self.of_record(user, roles)

    def of_record(self, user: User, roles: Mapping[str, Role]) -> tuple[EffectiveValue, ...]:
        """Of a user whose record is at hand, with the roles that it names. Asks nobody."""
        quota, source = effective_quota(user.quota_bytes, self.limits.quota)
        by_site = "BACKOFFICE_QUOTA_BYTES" if source is Source.SITE else ""
        limits, seconds, bytes_, number = self.limits, Unit.SECONDS, Unit.BYTES, Unit.NUMBER
        return (
            EffectiveValue("quota", quota, bytes_, source, by_site),
            self._inactive(user, roles),
            EffectiveValue("files", self.max_files, number, Source.SITE, "BACKOFFICE_MAX_FILES"),
            EffectiveValue("file_size", limits.max_file_size, bytes_, Source.SITE, "BACKOFFICE_MAX_FILE_SIZE"),
            EffectiveValue("open_uploads", limits.max_open, number, Source.SITE, "BACKOFFICE_MAX_OPEN_UPLOADS"),
            EffectiveValue("trash", limits.trash_seconds, seconds, Source.SITE, "BACKOFFICE_TRASH_TTL"),
            EffectiveValue("session_idle", self.session_idle_seconds, seconds, Source.SITE, "BACKOFFICE_SESSION_IDLE"),
            EffectiveValue("session_max", self.session_max_seconds, seconds, Source.SITE, "BACKOFFICE_SESSION_MAX"),
            EffectiveValue("sessions", MAX_SESSIONS, number, Source.PRODUCT),
            EffectiveValue("tokens", MAX_TOKENS, number, Source.PRODUCT),
            EffectiveValue("token_life", MAX_TOKEN_DAYS * DAY_SECONDS, seconds, Source.PRODUCT),
            self._link_life(user, roles),
        )

    def _link_life(self, user: User, roles: Mapping[str, Role]) -> EffectiveValue:
        """How long a share link lives at most."""
        rule = self.link_policy.rule(user.roles, roles)
        source = Source.ROLE if rule.days_role else Source.SITE
        setting = rule.days_role or "BACKOFFICE_MAX_LINK_DAYS"
        return EffectiveValue("link_life", rule.days * DAY_SECONDS, Unit.SECONDS, source, setting)

    def _inactive(self, user: User, roles: Mapping[str, Role]) -> EffectiveValue:
        """After how long without signing in the account ends."""
        rule = self.policy.rule(user, roles)
        settings = {Source.SITE: "BACKOFFICE_INACTIVE_DAYS", Source.ROLE: rule.role}
        setting = settings.get(rule.source, "")
        return EffectiveValue("inactive", rule.days * DAY_SECONDS or None, Unit.SECONDS, rule.source, setting)
