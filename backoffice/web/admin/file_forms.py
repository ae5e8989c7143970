"""The form of a file."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from typing import Any

from flask_admin.form import BaseForm
from wtforms import StringField
from wtforms.validators import DataRequired, Length

from backoffice.domain.acts import Acts
from backoffice.domain.limits import MAX_EMAIL, MAX_NAME_BYTES, MAX_TAG, MAX_TAGS
from backoffice.errors import Invalid
from backoffice.web.admin.filters import InvalidFilter
from backoffice.web.admin.owners import user_id
from backoffice.web.identity import may


class TagsField(StringField):
    """Tags in one line, with commas between them; `data` is that text."""

    def process_data(self, value: Any) -> None:
        super().process_data(value if isinstance(value, str) else written_tags(value or ()))


class FileForm(BaseForm):  # type: ignore[misc]
    """What can be changed of a file."""

    name = StringField("Name", [DataRequired(), Length(max=MAX_NAME_BYTES)])
    tags = TagsField(
        "Tags",
        [Length(max=MAX_TAGS * (MAX_TAG + 2))],
        description=f"With commas between them; at most {MAX_TAGS}.",
    )
    owner = StringField(
        "Owner",
        [DataRequired(), Length(max=MAX_EMAIL)],
        description="Name or e-mail of an active user, whose quota counts the file from then on.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not may(Acts.FILE_TRANSFER, everybody=True):
            del self.owner


def written_tags(tags: Iterable[str]) -> str:
    """The tags in one line, as `split_tags` reads it: one with a comma in it stands in quotation marks."""
    quoted = ('"{}"'.format(tag.replace('"', '""')) if "," in tag or tag.startswith('"') else tag for tag in tags)
    return ", ".join(quoted)


def split_tags(text: str) -> list[str]:
    """The tags in a line of them. Raises Invalid, beside the field."""
    try:
        [found] = list(csv.reader([" ".join(text.splitlines())], skipinitialspace=True, strict=True)) or [[]]
    except (csv.Error, ValueError):
        raise Invalid("A tag with a comma in it stands in quotation marks.", field="tags") from None
    return [tag for part in found if (tag := part.strip())]


def owner_id(text: str) -> str:
    """The identifier of the user that was entered. Raises Invalid, beside the field."""
    try:
        return user_id(text.strip())
    except InvalidFilter as error:
        raise Invalid(str(error), field="owner") from None
