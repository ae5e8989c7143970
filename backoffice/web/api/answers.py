"""Records as the JSON that clients see."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from urllib.parse import urlencode

from flask import Response, jsonify, request, url_for
from pydantic import BaseModel

from backoffice.domain.access import Actor
from backoffice.domain.files import File
from backoffice.domain.roles import Role
from backoffice.domain.times import rfc3339
from backoffice.domain.uploads import UNKNOWN, Upload
from backoffice.domain.users import User
from backoffice.errors import VersionMismatch
from backoffice.web.api.answer_schemas import FileAnswer, RoleAnswer, UploadAnswer, UserAnswer
from backoffice.web.context import services


def send(answer: BaseModel, status: int = 200) -> Response:
    """`answer` as JSON."""
    response = jsonify(answer.model_dump(mode="json"))
    response.status_code = status
    return response


def send_page(answer: BaseModel, next_cursor: str) -> Response:
    """`answer` with a `Link` to the page after it, which repeats the query."""
    response = send(answer)
    if next_cursor:
        kept = [(name, value) for name, value in request.args.items(multi=True) if name != "cursor"]
        following = urlencode([*kept, ("cursor", next_cursor)])
        response.headers["Link"] = f'<{request.path}?{following}>; rel="next"'
    return response


def send_file_record(file: File, asking: Actor, status: int = 200) -> Response:
    """The metadata of a file with its entity tag."""
    response = send(file_answer(file, owner_names([file.owner], asking)), status)
    response.headers["ETag"] = record_etag(file)
    return response


def send_created(file: File, asking: Actor) -> Response:
    """201 with where the file is and how safe it is by now."""
    response = send_file_record(file, asking, 201)
    response.headers["Location"] = url_for("api.files.download", file_id=file.id)
    response.headers["X-Durability"] = services().system.durability_level
    return response


def owner_names(ids: Iterable[str], asking: Actor) -> Mapping[str, str]:
    """User id -> user name; asks the store only when somebody else is among them."""
    others = set(ids) - {asking.id}
    found = services().users.names(sorted(others)) if others else {}
    return {**found, asking.id: asking.name}


def record_etag(file: File) -> str:
    """Entity tag of the metadata. That of the bytes is another: they never change."""
    return f'"{file.id}.{file.version}"'


def version_wanted(file_id: str, asking: Actor) -> int | None:
    """The version that `If-Match` demands, None where it demands none. Raises VersionMismatch, NotFound.

    The tag of the metadata names a version; that of the bytes (which a download sends) holds for every version.
    """
    wanted = request.if_match
    if not request.headers.get("If-Match") or wanted.star_tag:
        return None
    file = services().files.get(asking, file_id)
    if record_etag(file).strip('"') in wanted:
        return file.version
    if file.etag.strip('"') in wanted:
        return None
    raise VersionMismatch(version=file.version)


def file_answer(file: File, names: Mapping[str, str]) -> FileAnswer:
    return FileAnswer(
        id=file.id,
        name=file.name,
        size=file.size,
        mime_type=file.mime_type,
        owner=names.get(file.owner, file.owner),
        owner_id=file.owner,
        created_at=rfc3339(file.created_at),
        updated_at=rfc3339(file.updated_at),
        sha256=file.sha256 or None,
        total_chunks=file.total_chunks,
        tags=list(file.tags),
        state=file.state.value,
        version=file.version,
        purge_at=_moment(file.purge_at),
    )


def upload_answer(upload: Upload, names: Mapping[str, str]) -> UploadAnswer:
    return UploadAnswer(
        file_id=upload.id,
        name=upload.name,
        state=upload.state.value,
        owner=names.get(upload.owner, upload.owner),
        total_chunks=None if upload.total_chunks == UNKNOWN else upload.total_chunks,
        total_size=None if upload.size == UNKNOWN else upload.size,
        received=upload.received,
        received_bytes=upload.bytes,
        created_at=rfc3339(upload.created_at),
        expires_at=rfc3339(upload.expires_at),
    )


def user_answer(user: User) -> UserAnswer:
    return UserAnswer(
        id=user.id,
        username=user.username,
        email=user.email,
        status=user.status.value,
        roles=list(user.roles),
        quota_bytes=user.quota_bytes,
        created_at=rfc3339(user.created_at),
        updated_at=rfc3339(user.updated_at),
        last_login_at=_moment(user.last_login_at),
        version=user.version,
    )


def role_answer(role: Role) -> RoleAnswer:
    return RoleAnswer(
        name=role.name,
        description=role.description,
        permissions=sorted(role.permissions),
        built_in=role.built_in,
        created_at=_moment(role.created_at),
        updated_at=_moment(role.updated_at),
        version=role.version,
    )


def _moment(ms: int) -> str | None:
    return rfc3339(ms) if ms else None
