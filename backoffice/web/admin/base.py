"""The base of every admin view: columns, a form and calls to a service. No rules and no store in here.

    class GroupView(ServiceView):
        of, icon = GROUPS, "users"
        column_list = ("name", "kind", "created_at")
        column_filters = (one_of("kind", "Kind", lambda: [(kind, kind) for kind in GroupKind]),)
        form = GroupForm
        searchable = can_export = True

    admin.add_view(GroupView(services.groups))

The service is called by convention, with the fields of the form as data: `page(actor, query)`, `get(actor, key)`,
`create(actor, **data)`, `update(actor, key, version=…, **data)`, `delete(actor, key)`. Where one differs, a view
overrides `get_page`, `get_one`, `create_record`, `update_record` or `delete_record`. What there is follows from what it
declares: a form makes and changes records, an act that deletes deletes.

Only errors that can be mended in a form stay on the page; refusal, absence and outage go up to the table of errors.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

from flask import request, url_for
from flask.typing import ResponseReturnValue
from flask_admin import expose

from backoffice.domain.acts import Act
from backoffice.domain.nouns import Noun
from backoffice.domain.paging import Page, Query
from backoffice.web.admin.access import ViewAccess, ViewActs, single_id, standard_rules
from backoffice.web.admin.actions import BulkAction, DeleteLabels, Link, RowAction, RowButton, ViewActions
from backoffice.web.admin.bulk import BulkJob
from backoffice.web.admin.cells import TIME_SUFFIX, csv_cell, default_cell, default_list_cell, default_text
from backoffice.web.admin.list_pages import ListPages
from backoffice.web.admin.list_state import ListOptions
from backoffice.web.admin.record_page import Panel, record_context
from backoffice.web.admin.rows import Column
from backoffice.web.identity import actor
from backoffice.web.route_access import Access
from backoffice.web.sections import Section, sections_of

COMMON_LABELS = {"id": "Identifier", "updated_at": "Changed"}


class ServiceView(ListPages):
    """Lists, details, forms, CSV and actions over a service. Who may what is said by the acts: to whoever may not read,
    nothing is open here."""

    of: ClassVar[Noun | None] = None
    """The noun whose records they are: it gives the name, the section, the title and the acts."""
    acts: ClassVar[ViewActs]

    noun: ClassVar[str] = "record"
    """What one record is, in sentences and on buttons: `user`, `role`."""
    logged_as: ClassVar[str] = ""
    """The type of its records in the log, where that is not the noun."""
    section: ClassVar[str] = ""
    """The view's name in addresses and in the menu; the noun's plural unless given."""
    icon: ClassVar[str] = "list"
    heading: ClassVar[str] = ""
    """What the list is called, where that is not the section."""
    tab_of: ClassVar[str] = ""
    """The section whose page this is a tab of: it has no place of its own in the menu."""
    tab: ClassVar[str] = ""
    """What the list is called among the tabs."""
    title_column: ClassVar[str] = ""
    """What a record is called on its own page; the first column of the list unless given."""
    delete_labels: ClassVar[DeleteLabels] = DeleteLabels()
    row_button: ClassVar[RowButton | None] = None
    jobs: ClassVar[Mapping[str, BulkJob]] = {}
    """The actions that are jobs where they are for many records."""
    badge_tones: ClassVar[Mapping[str, str]] = {}
    """State -> tone of its badge (`formats.state_tag`), where a column holds an enum."""

    can_view_details = True
    page_size = 50
    page_size_options = (20, 50, 100)
    named_filter_urls = True
    column_sortable_list: ClassVar[Sequence[str | tuple[str, str]]] = ()
    column_formatters_export: ClassVar[dict[str, Any]] = {}
    """Own formatters for CSV; those of pages make markup and are not used there."""
    column_type_formatters: ClassVar[dict[type, Any]] = {object: default_list_cell}
    column_type_formatters_detail: ClassVar[dict[type, Any]] = {object: default_cell}
    column_type_formatters_export: ClassVar[dict[type, Any]] = {object: default_text}
    column_numeric: ClassVar[Sequence[str]] = ()
    """Columns set flush right, in figures of one width."""
    column_widths: ClassVar[Mapping[str, int]] = {}
    """Widths in rem (those that `lists.css` names); the columns without one share what is left."""
    column_low: ClassVar[Sequence[str]] = ()
    """Columns that narrow windows leave out."""
    searchable = False
    search_hint = "Search"
    acts_by_link: ClassVar[Mapping[str, str]] = {}
    """Labels of `links` that the palette finds as acts -> other words by which it finds them."""
    empty_hint = "Nothing here yet."
    confirm_template = "admin/confirm.html"

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        declared = cls.__dict__.get("of")
        if declared is not None:
            cls.noun, cls.section, cls.title_column = declared.name, declared.plural, declared.title
            cls.acts = ViewActs.of(declared)

    def __init__(self, service: Any) -> None:
        self.service = service
        section, icon = self.section or f"{self.noun}s", {"menu_icon_type": "svg", "menu_icon_value": self.icon}
        self.section = section  # type: ignore[misc]  # what a subclass left open
        super().__init__(type(service), section.capitalize(), endpoint=section, **icon)
        self.actions = ViewActions(self)
        self.access = ViewAccess(section, self.access_rules())
        self.list_options = ListOptions.of(self)
        self.columns = [Column.of(self, name, label) for name, label in self._list_columns]
        self.more_columns = [Column.of(self, name, self.get_column_name(name)) for name in self.column_more]

    # The service, by convention

    def get_page(self, query: Query) -> Page[Any]:
        """The records of a list."""
        page: Page[Any] = self.service.page(actor(), query)
        return page

    def get_one(self, key: Any) -> Any:
        """One record, or NotFound."""
        return self.service.get(actor(), key)

    def create_record(self, data: Mapping[str, Any]) -> Any:
        """The new record, or a `OneTimeSecret` with it."""
        return self.service.create(actor(), **data)

    def update_record(self, key: str, version: int | None, data: Mapping[str, Any]) -> None:
        """Raises VersionMismatch when the record no longer has `version`; None where records have none."""
        self.service.update(actor(), key, version=version, **data)

    def delete_record(self, key: str) -> None:
        self.service.delete(actor(), key)

    # Who may, and what there is

    def access_rules(self) -> dict[str, Access]:
        """What each endpoint (the name of its method) demands; one that is not in here is for nobody."""
        return standard_rules(self)

    @property
    def can_create(self) -> bool:
        return self.access.is_permitted("create_view")

    @property
    def can_edit(self) -> bool:
        return self.access.is_permitted("edit_view")

    @property
    def can_delete(self) -> bool:
        return self.access.is_permitted("delete_view")

    def permits(self, act: Act, record: Any) -> bool:  # noqa: ARG002 - for subclasses
        """Whether the person asking may do this to this one record, who may do it to some: hides the buttons, the
        service decides."""
        return True

    def may_edit(self, record: Any) -> bool:
        """Whether this one record can be changed."""
        return self.acts.update is not None and self.permits(self.acts.update, record)

    def may_delete(self, record: Any) -> bool:
        """Whether this one record can be removed."""
        return self.acts.delete is not None and self.permits(self.acts.delete, record)

    def is_accessible(self) -> bool:
        return self.access.is_permitted("index_view")

    def _handle_view(self, name: str, **_kwargs: Any) -> ResponseReturnValue | None:
        """Flask-Admin calls this before every endpoint; it raises, or lets through."""
        self.access.check(name)
        if name in ("details_view", "edit_view"):
            single_id(request.args.getlist("id"))
        return None

    def _run_view(self, fn: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Without the second call that Flask-Admin makes on any TypeError, which hides the real one."""
        return fn(self, *args, **kwargs)

    # Columns

    def scaffold_list_columns(self) -> list[str]:
        """What details and CSV show unless told otherwise."""
        return list(self.column_list or ())

    def get_details_columns(self) -> list[tuple[str, str]]:
        """The columns of the list and the identifier, unless told otherwise."""
        columns = self.column_details_list or [*dict.fromkeys([*self.scaffold_list_columns(), "id"])]
        return [(column, self.get_column_name(column)) for column in columns]

    def _prettify_name(self, name: str) -> str:
        """`created_at` -> `Created`, `purge_reason` -> `Purge reason`, where `column_labels` says nothing."""
        return COMMON_LABELS.get(name) or name.removesuffix(TIME_SUFFIX).replace("_", " ").capitalize()

    def _get_list_value(
        self, context: Any, model: Any, name: str, column_formatters: Any, column_type_formatters: Any
    ) -> Any:
        """What a column's own formatter makes stays as it is; other values are shown by their kind, all by one."""
        if name in column_formatters:
            return column_formatters[name](self, context, model, name)
        return column_type_formatters[object](self, getattr(model, name), name)

    def get_export_value(self, model: Any, name: str) -> str:
        return csv_cell(super().get_export_value(model, name))

    # Lists

    @property
    def section_title(self) -> str:
        return self.heading or str(self.name)

    def list_url(self) -> str:
        """The list's address, from any page of the site."""
        return url_for(f"{self.endpoint}.index_view")

    def tabs(self) -> list[Section]:
        """The lists beside this one, and itself, of those that the person asking may open."""
        return sections_of(self.tab_of or self.section)

    # Records

    @expose("/details/")  # type: ignore[untyped-decorator]
    def details_view(self) -> str:
        return str(self.render(self.details_template, **record_context(self, self.get_one(request.args["id"]))))

    def panels(self, record: Any) -> Sequence[Panel]:  # noqa: ARG002 - for subclasses
        """The tabs of a record's page; without any it has its facts alone."""
        return ()

    def get_pk_value(self, model: Any) -> str:
        return str(model.id)

    def record_title(self, record: Any) -> str:
        """What the record is called."""
        return str(getattr(record, self.title_column or self._list_columns[0][0]) or self.get_pk_value(record))

    def question(self, action: BulkAction, records: Sequence[Any]) -> str:  # noqa: ARG002 - for subclasses
        """What is asked before this is done, as a page of its own, of the records that it names."""
        return action.question

    def links(self, record: Any) -> Sequence[Link]:  # noqa: ARG002 - for subclasses
        """Where else to go from a record, for its details page."""
        return ()

    def row_actions(self, record: Any) -> Sequence[RowAction]:  # noqa: ARG002 - likewise
        """What can be done to this one record, for its own page; made with `actions.row_action`."""
        return ()

    def return_url(self) -> str:
        """Where the page was opened from (`_handle_view` has checked it), else the list."""
        return request.values.get("url") or self.get_url(".index_view")

    # Deleting and other actions

    @expose("/delete/", methods=("POST",))  # type: ignore[untyped-decorator]
    def delete_view(self) -> ResponseReturnValue:
        return self.actions.delete(self.get_one(single_id(request.form.getlist("id"))))

    @expose("/ask/")  # type: ignore[untyped-decorator]
    def ask_view(self) -> str:
        """The question before an action, at an address that can be a link."""
        return self.actions.ask(request.args.get("action", ""), request.args.getlist("rowid"))

    @expose("/action/", methods=("POST",))  # type: ignore[untyped-decorator]
    def action_view(self) -> ResponseReturnValue:
        return self.actions.run()
