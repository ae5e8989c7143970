"""Notes in the admin site."""

from flask_admin.form import BaseForm
from wtforms import SelectField, StringField
from wtforms.validators import DataRequired

from backoffice.web.admin.base import ServiceView
from backoffice.web.admin.filters import one_of
from tests.noun.domain.notes import NOTES, Color

COLORS = [color.value for color in Color]


class NoteForm(BaseForm):  # type: ignore[misc]
    """A note."""

    title = StringField("Title", [DataRequired()])
    color = SelectField("Color", choices=COLORS)


class NoteView(ServiceView):
    """Things to remember."""

    of = NOTES
    column_list = ("title", "color", "created_at", "updated_at")
    column_sortable_list = ("title", ("created_at", "created"))
    column_filters = (one_of("color", "Color", lambda: [(color, color) for color in COLORS]),)
    form = NoteForm
    searchable = can_export = True
