"""What goes out, as pydantic models: the same ones make the answers and describe them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from backoffice.web.api.schemas import Id

Moment = Annotated[str, Field(json_schema_extra={"format": "date-time"})]
Range = Annotated[list[int], Field(min_length=2, max_length=2)]
Ranges = Annotated[list[Range], Field(description="Ranges of chunk indexes, both ends included")]


class Answer(BaseModel):
    """What goes out."""

    model_config = ConfigDict(frozen=True)


class ChunkAnswer(Answer):
    """A chunk is stored."""

    file_id: Id
    chunk_index: int
    total_chunks: int
    received: Annotated[int, Field(description="Chunks stored so far")]
    missing_count: int


class UploadAnswer(Answer):
    """An unfinished upload."""

    file_id: Id
    name: str
    state: Literal["open", "completing", "aborted"]
    owner: Annotated[str, Field(description="User name")]
    total_chunks: int | None
    total_size: int | None
    received: Annotated[int, Field(description="Chunks stored so far")]
    received_bytes: int
    created_at: Moment
    expires_at: Annotated[Moment, Field(description="Each chunk moves it")]


class UploadState(UploadAnswer):
    """An unfinished upload with what it lacks."""

    missing_count: int
    missing: Ranges


class UploadsAnswer(Answer):
    """Your unfinished uploads."""

    items: list[UploadAnswer]
    next_cursor: str | None


class LimitsAnswer(Answer):
    """What may be sent, in bytes."""

    chunk_size: Annotated[int, Field(description="A good size for a chunk")]
    max_chunk_size: int
    max_json_chunk_size: int
    max_file_size: int
    max_chunks: int
    quota: Annotated[int | None, Field(description="`null`: unlimited")]
    used: int
    reserved: Annotated[int, Field(description="Held by unfinished uploads")]


class FileAnswer(Answer):
    """A stored file."""

    id: Id
    name: str
    size: int
    mime_type: str
    owner: Annotated[str, Field(description="User name")]
    owner_id: Id
    created_at: Moment
    updated_at: Moment
    sha256: Annotated[str | None, Field(description="Hexadecimal; `null` until it is computed")]
    total_chunks: int
    tags: list[str]
    state: Literal["ready", "trashed", "gone"]
    version: int
    purge_at: Annotated[Moment | None, Field(description="When a trashed file goes for good")]


class FilesAnswer(Answer):
    """A page of files."""

    items: list[FileAnswer]
    next_cursor: str | None
    total: Annotated[int, Field(description="How many match; with `total_exact` false at least so many")]
    total_exact: bool


class UserAnswer(Answer):
    """A user."""

    id: Id
    username: str
    email: str
    status: Literal["invited", "active", "disabled"]
    roles: list[str]
    quota_bytes: int | None
    created_at: Moment
    updated_at: Moment
    last_login_at: Moment | None
    version: int


class NewUserAnswer(UserAnswer):
    """A new user."""

    setup_url: Annotated[str | None, Field(description="One-time link to set the password; shown only here")]


class UsersAnswer(Answer):
    """A page of users."""

    items: list[UserAnswer]
    next_cursor: str | None
    total: int
    total_exact: bool


class RoleAnswer(Answer):
    """A role."""

    name: str
    description: str
    permissions: list[str]
    built_in: bool
    created_at: Moment | None
    updated_at: Moment | None
    version: int


class RolesAnswer(Answer):
    """All roles."""

    items: list[RoleAnswer]


class FieldProblem(Answer):
    """What is wrong with one field."""

    field: str
    message: str


class Problem(BaseModel):
    """RFC 9457. `code` is a promise: programs may rely on it."""

    model_config = ConfigDict(extra="allow")

    type: str
    title: str
    status: int
    code: str
    request_id: str
    detail: str = ""
    field: Annotated[str | None, Field(description="The field that is wrong, the first of several")] = None
    errors: list[FieldProblem] | None = None
    missing: Ranges | None = None
