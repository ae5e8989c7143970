"""The page on which somebody is let leave: what there is, and what becomes of the files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_admin import expose

from backoffice.domain.acts import Acts
from backoffice.errors import Conflict, Invalid, NotFound, TooLarge, TooMany
from backoffice.services.leaving import Departure, FilesGo
from backoffice.web.admin.access import single_id
from backoffice.web.admin.filters import InvalidFilter
from backoffice.web.admin.messages import flash_done
from backoffice.web.admin.owners import user_id
from backoffice.web.context import services
from backoffice.web.identity import actor
from backoffice.web.route_access import Access, access_to

if TYPE_CHECKING:
    from backoffice.web.admin.base import ServiceView

    Base = ServiceView
else:
    Base = object


class LeavingPage(Base):
    """What the view of users has besides; `leave_rules` goes into its access rules."""

    @staticmethod
    def leave_rules() -> dict[str, Access]:
        return {"leave_view": access_to(Acts.USER_LEAVE, everybody=True)}

    @expose("/leave/", methods=("GET", "POST"))  # type: ignore[untyped-decorator]
    def leave_view(self) -> ResponseReturnValue:
        """A form of its own, which works without a script."""
        leaver = single_id(request.values.getlist("id"))
        problems: dict[str, str] = {}
        if request.method == "POST":
            done = self._leave(leaver, problems)
            if done is not None:
                return done
        found = services().leaving.preview(actor(), leaver)
        chosen = request.form.get("files", FilesGo.TRANSFER.value)
        back = url_for("users.details_view", id=leaver)
        page: dict[str, Any] = {"leaver": found, "chosen": chosen, "problems": problems, "return_url": back}
        return str(self.render("admin/leave.html", **page)), 400 if problems else 200

    def _leave(self, leaver: str, problems: dict[str, str]) -> ResponseReturnValue | None:
        try:
            files = FilesGo(request.form.get("files", ""))
            heir = _heir() if files is FilesGo.TRANSFER else ""
            left = services().leaving.leave(actor(), leaver, files, heir)
        except InvalidFilter as error:
            problems["owner"] = str(error)
        except ValueError:
            raise NotFound from None
        except (Invalid, Conflict, TooLarge, TooMany) as error:
            problems[str(error.details.get("field", ""))] = str(error)
        else:
            return self._left(left)
        return None

    def _left(self, left: Departure) -> ResponseReturnValue:
        ended = (_counted(left.sessions, "session"), _counted(left.tokens, "token"))
        flash_done(f"{left.user.username} was disabled; {ended[0]} and {ended[1]} ended.", undoable=True)
        if not left.jobs:
            return redirect(url_for("users.details_view", id=left.user.id), 303)
        return redirect(url_for("jobs.details_view", id=left.jobs[-1].id), 303)


def _counted(count: int, noun: str) -> str:
    return f"{count or 'no'} {noun}{'' if count == 1 else 's'}"


def _heir() -> str:
    name = request.form.get("owner", "").strip()
    if not name:
        raise InvalidFilter("Name who gets the files.")
    return user_id(name)
