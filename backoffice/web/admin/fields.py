"""What WTForms lacks: groups of check boxes that need no script, and what a form says of a record."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from flask import flash
from markupsafe import Markup
from wtforms import Form, SelectMultipleField, StringField

from backoffice.domain.lifecycle import DAY_MS
from backoffice.domain.times import parse_time, rfc3339
from backoffice.errors import BackofficeError, Invalid
from backoffice.units import UNLIMITED, parse_size, written_size

NOT_DATA = frozenset({"csrf_token", "version"})
"""Fields that every form may have and no record has."""


@dataclass(frozen=True, slots=True)
class Choice:
    """One box. `group` heads neighbours that share it; a `fixed` box shows its state and cannot be changed."""

    value: str
    label: str
    help: str = ""
    group: str = ""
    fixed: bool = False


class CheckboxGroup:
    """Widget: boxes under their group's heading. The template wraps them in a fieldset with the legend."""

    def __call__(self, field: CheckboxGroupField, **attributes: Any) -> Markup:
        described = attributes.get("aria-describedby", "")
        parts: list[Markup] = []
        numbered = list(enumerate(field.boxes))
        for group, boxes in groupby(numbered, key=lambda pair: pair[1].group):
            rows = Markup("").join(self._row(field, index, box, described) for index, box in boxes)
            heading = Markup('<p class="check-heading">{}</p>').format(group) if group else Markup("")
            parts.append(Markup('<div class="check-section">{}{}</div>').format(heading, rows))
        # The field's own id is on the group, so that a link to the field finds it.
        group_tag = Markup('<div class="check-group" id="{}" tabindex="-1">{}</div>')
        return group_tag.format(field.id, Markup("").join(parts))

    @staticmethod
    def _row(field: CheckboxGroupField, index: int, box: Choice, described: str) -> Markup:
        checked = box.value in (field.data or ())
        help_id = f"{field.id}-{index}-help"
        notes = " ".join(filter(None, (help_id if box.help else "", described)))
        row = Markup(
            '<div class="form-check"><input type="checkbox" class="form-check-input" id="{id}" name="{name}" '
            'value="{value}"{checked}{disabled}{notes}>'
            '<label class="form-check-label" for="{id}">{label}</label>{help}{kept}</div>'
        )
        return row.format(
            id=f"{field.id}-{index}",
            name=field.name,
            value=box.value,
            label=box.label,
            checked=Markup(" checked") if checked else "",
            disabled=Markup(" disabled") if box.fixed else "",
            notes=Markup(' aria-describedby="{}"').format(notes) if notes else "",
            help=Markup('<span class="form-text" id="{}">{}</span>').format(help_id, box.help) if box.help else "",
            # A disabled box is not sent: without this, saving would take away what the person may not touch.
            kept=Markup('<input type="hidden" name="{}" value="{}">').format(field.name, box.value)
            if box.fixed and checked
            else "",
        )


class CheckboxGroupField(SelectMultipleField):
    """Several of some choices. `boxes` is asked for once for each form, so that it is never stale.

    Hiding or fixing a box is a courtesy of the page: what may be granted is for the service to say.
    """

    widget = CheckboxGroup()

    def __init__(
        self,
        label: str = "",
        validators: list[Any] | None = None,
        *,
        boxes: Callable[[], Iterable[Choice]],
        **kwargs: Any,
    ) -> None:
        self.boxes = tuple(boxes())
        # Plain values: WTForms 3.3 warns of the pairs that its type stubs still want, and the widget has the labels.
        values: Any = [box.value for box in self.boxes]
        super().__init__(label, validators, choices=values, **kwargs)

    def process_data(self, value: Any) -> None:
        """Sorted plain strings, whatever set or enum the record holds."""
        super().process_data(sorted(str(item) for item in value) if value else [])


class NumberField(StringField):
    """A number that is written as people do; `number` is what it is."""

    number: int | None = None


class DayField(NumberField):
    """A moment (ms) as the last day (UTC) before it; 0 is empty."""

    def process_data(self, value: Any) -> None:
        self.number = value or 0
        self._shown = rfc3339(self.number - 1)[:10] if self.number else ""
        super().process_data(self._shown)

    def process_formdata(self, valuelist: list[Any]) -> None:
        super().process_formdata(valuelist)
        text = (self.data or "").strip()
        if text == self._shown:
            return  # what was set to the minute elsewhere stays
        try:
            self.number = parse_time(text) + DAY_MS if text else 0
        except ValueError:
            raise ValueError("This is not a day, such as 2027-01-31.") from None


class DaysField(NumberField):
    """How many days; empty is None."""

    def process_data(self, value: Any) -> None:
        self.number = value
        super().process_data("" if value is None else str(value))

    def process_formdata(self, valuelist: list[Any]) -> None:
        super().process_formdata(valuelist)
        text = (self.data or "").strip()
        if text and not (text.isascii() and text.isdigit() and len(text) < 6):
            raise ValueError("This is not a number of days.")
        self.number = int(text) if text else None


class SizeField(NumberField):
    """Bytes, written as people do: `10 GiB`. Empty is None. `unlimited`: the number that is written as this word."""

    def __init__(self, *args: Any, unlimited: int | None = None, **kwargs: Any) -> None:
        self._unlimited = unlimited
        super().__init__(*args, **kwargs)

    def process_data(self, value: Any) -> None:
        written = UNLIMITED if value == self._unlimited else None if value is None else written_size(value)
        super().process_data(None if value is None else written)
        self.number = value

    def process_formdata(self, valuelist: list[Any]) -> None:
        super().process_formdata(valuelist)
        text = (self.data or "").strip()
        try:
            if self._unlimited is not None and text.lower() == UNLIMITED:
                self.number = self._unlimited
            else:
                self.number = parse_size(text) if text else None
        except ValueError as error:
            raise ValueError(f"This {error}.") from None


def form_data(form: Form) -> dict[str, Any]:
    """What was entered, by field, ready to be passed on. What the form does not have never gets through.

    Text that was not sent is empty, several choices are a tuple, a size is its number of bytes.
    """
    return {field.name: _field_data(field) for field in form if field.name not in NOT_DATA}


def _field_data(field: Any) -> Any:
    if isinstance(field, NumberField):
        return field.number
    if isinstance(field, StringField):
        return field.data or ""
    if isinstance(field, SelectMultipleField):
        return tuple(field.data or ())
    return field.data


def seen_version(form: Form, record: Any) -> int | None:
    """The version of `record` that the person saw; None for records without. Raises `Invalid` when it was left out."""
    if not hasattr(record, "version"):
        return None
    # What was sent: where nothing was, WTForms would take the version of the record as it is now.
    sent = form["version"].raw_data
    text = sent[0] if sent else ""
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise Invalid("The form is incomplete; open it again.")
    return int(text)


def newer_values(form: Form, stored: Form, version: int) -> list[tuple[str, str, str]]:
    """Where what somebody else saved meanwhile differs from what was entered, as it is read: label, entered, stored.

    `form` keeps what was entered and takes the `version` of what is stored, so that the next save is a knowing one.
    """
    form["version"].data = str(version)
    compared = [
        (str(field.label.text), _as_text(form[field.name].data), _as_text(field.data))
        for field in stored
        if field.name not in NOT_DATA and field.type != "PasswordField"
    ]
    return [one for one in compared if one[1] != one[2]]


def _as_text(value: Any) -> str:
    """What a field holds, for people; nothing entered and nothing stored are the same."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (list, tuple)):
        return ", ".join(sorted(map(str, value)))
    return "" if value is None else str(value).strip()


def show_error(form: Form, error: BackofficeError) -> None:
    """Show it beside the field it is about (`details["field"]`), else above the form."""
    field = error.details.get("field")
    if isinstance(field, str) and field in form:
        form[field].errors = [*form[field].errors, str(error)]
    else:
        flash(str(error), "error")
