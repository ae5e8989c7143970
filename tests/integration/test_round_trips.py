"""How many round trips to the store the web makes, by kind of request, so that they cannot creep back.

They are counted on the wire of a real server to which nothing else speaks, on a site that has answered a request of the
same kind before: scripts are loaded, and connections made.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from contextlib import closing

import pytest
from redis import Redis

from backoffice.stores.client import connect
from tests.support import kinds_of_admin_request as admin
from tests.support import kinds_of_request as kinds
from tests.support import kinds_of_upload as bodies
from tests.support.kinds_of_admin_request import made, post
from tests.support.kinds_of_folder_request import OF_FOLDERS
from tests.support.kinds_of_request import Kind, World, ann, desk, page, root
from tests.support.kinds_of_request_for_files import OF_REQUESTS
from tests.support.kinds_of_share_request import OF_SHARES
from tests.support.kinds_of_version_request import OF_VERSIONS
from tests.support.round_trips import Trips, counted
from tests.support.servers import Store

TURNS = 3


FILES, UPLOADS, ADMIN, PAGES, JOBS, TUS = "api.files.", "api.uploads.", "api.admin.", "pages.", "api.jobs.", "api.tus."
QUOTA, DESCRIBED = {"quota_bytes": 1024**2}, {"description": "others"}
LEFT, VIEW = {"files": "keep"}, {"section": "files", "name": "v", "query": ""}
KINDS = [
    *OF_FOLDERS,
    *OF_VERSIONS,
    Kind("download", FILES + "download", 200, 1, ann("GET", "/files/{file}")),
    Kind("download of four chunks", FILES + "download", 200, 6, ann("GET", "/files/{pieces}")),
    Kind("download of a range", FILES + "download", 206, 3, ann("GET", "/files/{file}", headers=kinds.RANGE)),
    Kind("headers of a file", FILES + "download", 200, 1, ann("HEAD", "/files/{file}")),
    Kind("not modified", FILES + "download", 304, 1, kinds.not_modified),
    Kind("an archive of one", FILES + "download_zip", 200, 3, ann("GET", "/files.zip?id={file}")),
    Kind("metadata", FILES + "metadata", 200, 1, ann("GET", "/files/{file}/metadata")),
    Kind("list", FILES + "list_files", 200, 2, ann("GET", "/files?limit=50")),
    Kind("list by name", FILES + "list_files", 200, 2, ann("GET", "/files?limit=50&sort=name")),
    Kind("list by a word", FILES + "list_files", 200, 3, ann("GET", "/files?limit=50&q=file")),
    Kind("list of the trash", FILES + "list_files", 200, 1, ann("GET", "/files?state=trashed")),
    Kind("list of everybody's", FILES + "list_files", 200, 3, root("GET", "/files?owner=*")),
    Kind("rename", FILES + "rename", 200, 2, kinds.rename),
    Kind("delete", FILES + "delete", 204, 2, kinds.delete),
    Kind("restore", FILES + "restore", 200, 3, kinds.restore),
    Kind("somebody else's file", FILES + "download", 404, 2, kinds.not_own),
    Kind("a wrong token", UPLOADS + "get_limits", 401, 1, kinds.no_such_token),
    Kind("no permission", ADMIN + "list_users", 403, 1, ann("GET", "/admin/users")),
    Kind("PUT", UPLOADS + "upload_whole", 201, 1, kinds.put(b"x" * 10_000)),
    Kind("PUT of nothing", UPLOADS + "upload_whole", 201, 1, kinds.put(b"")),
    Kind("PUT under a name that is taken", UPLOADS + "upload_whole", 201, 3, kinds.put_again),
    Kind("PUT of four chunks", UPLOADS + "upload_whole", 201, 9, kinds.put(b"x" * 256 * 1024)),
    Kind("first chunk", UPLOADS + "upload_chunk", 200, 2, kinds.first_chunk),
    Kind("next chunk", UPLOADS + "upload_chunk", 200, 2, kinds.next_chunk),
    Kind("a large chunk", UPLOADS + "upload_chunk", 200, 2, kinds.large_chunk),
    Kind("the same chunk again", UPLOADS + "upload_chunk", 200, 2, kinds.chunk_again),
    Kind("chunk in a form", UPLOADS + "upload_chunk", 200, 2, kinds.chunk_in_form),
    Kind("complete 1 chunk", UPLOADS + "upload_complete", 201, 2, kinds.complete(1)),
    Kind("complete 3 chunks", UPLOADS + "upload_complete", 201, 2, kinds.complete(3)),
    Kind("complete 64 chunks", UPLOADS + "upload_complete", 201, 2, kinds.complete(64)),
    Kind("complete too early", UPLOADS + "upload_complete", 409, 1, kinds.complete_too_early),
    Kind("begin in order", UPLOADS + "begin_in_order", 201, 1, bodies.begin_in_order),
    Kind("bytes in order", UPLOADS + "append_in_order", 200, 5, bodies.in_order(b"x" * 10_000)),
    Kind("the last bytes in order", UPLOADS + "append_in_order", 200, 5, bodies.in_order(b"x" * 16_384)),
    Kind("three small files", UPLOADS + "upload_batch", 200, 3, bodies.batch),
    Kind("unfinished uploads", UPLOADS + "list_uploads", 200, 2, ann("GET", "/uploads")),
    Kind("an unfinished upload", UPLOADS + "get_upload", 200, 2, kinds.unfinished("GET")),
    Kind("what has arrived of an upload", UPLOADS + "get_chunks", 200, 2, kinds.chunks_there),
    Kind("what tus speaks", TUS + "tell_options", 204, 1, ann("OPTIONS", "/tus/")),
    Kind("begin by tus", TUS + "begin_upload", 201, 1, kinds.tus_begin),
    Kind("how far, by tus", TUS + "tell_offset", 200, 1, kinds.tus("HEAD")),
    Kind("a piece by tus", TUS + "send_bytes", 204, 5, kinds.tus("PATCH", b"x" * 10_000)),
    Kind("the last piece by tus", TUS + "send_bytes", 204, 12, kinds.tus("PATCH", b"x" * 16_384)),
    Kind("give up by tus", TUS + "give_up", 204, 7, kinds.tus("DELETE")),
    Kind("cancel an upload", UPLOADS + "cancel_upload", 204, 4, kinds.unfinished("DELETE")),
    Kind("limits", UPLOADS + "get_limits", 200, 2, ann("GET", "/limits")),
    Kind("users", ADMIN + "list_users", 200, 2, root("GET", "/admin/users")),
    Kind("a user", ADMIN + "get_user", 200, 1, root("GET", "/admin/users/{user}")),
    Kind("what a user may do", ADMIN + "get_user_access", 200, 1, root("GET", "/admin/users/{user}/access")),
    Kind("what hangs on a user", ADMIN + "get_consequences", 200, 2, root("GET", "/admin/users/{user}/consequences")),
    Kind("who can reach a file", ADMIN + "get_file_access", 200, 5, root("GET", "/admin/files/{file}/access")),
    Kind("a user's sessions", ADMIN + "list_sessions", 200, 3, root("GET", "/admin/users/{user}/sessions")),
    Kind("sign a user out", ADMIN + "end_sessions", 200, 6, kinds.sign_somebody_out),
    Kind("export of the log", ADMIN + "export_audit", 200, 6, root("GET", "/admin/audit/export")),
    Kind("new user", ADMIN + "create_user", 201, 2, kinds.new_user),
    Kind("roles", ADMIN + "list_roles", 200, 1, root("GET", "/admin/roles")),
    Kind("new role", ADMIN + "create_role", 201, 6, kinds.new_role),
    Kind("delete anybody's file", ADMIN + "delete_any_file", 204, 2, kinds.delete_as_root),
    Kind("alive", "health.live", 200, 0, ann("GET", "/livez")),
    Kind("ready", "health.ready", 200, 1, ann("GET", "/readyz")),
    Kind("metrics", "health.metrics", 200, 2, root("GET", "/metrics")),
    Kind("description", PAGES + "openapi", 200, 0, page("/openapi.json")),
    Kind("page of files", PAGES + "upload", 200, 2, page("/")),
    Kind("page of a file", PAGES + "file_page", 200, 3, page("/my/files/{file}")),
    Kind("the question about the trash", PAGES + "trash_question", 200, 2, page("/my/trash/empty")),
    Kind("list, by a browser", FILES + "list_files", 200, 2, page("/files")),
    Kind("form with a file", PAGES + "upload_form", 303, 1, kinds.upload_form),
    Kind("rename, by a form", PAGES + "file_rename", 303, 2, kinds.file_form("rename")),
    Kind("delete, by a form", PAGES + "file_trash", 303, 2, kinds.file_form("trash")),
    Kind("restore, by a form", PAGES + "file_restore", 303, 3, kinds.file_form("restore")),
    Kind("purge, by a form", PAGES + "file_purge", 303, 4, kinds.file_form("purge")),
    Kind("cancel, by a form", PAGES + "upload_cancel", 303, 4, kinds.cancel_form),
    Kind("account, with the tokens", PAGES + "account", 200, 3, page("/account")),
    Kind("new token", PAGES + "account_token_create", 200, 5, kinds.new_token),
    Kind("docs", PAGES + "docs", 200, 1, page("/docs")),
    Kind("sign in", PAGES + "login", 303, 6, kinds.sign_in),
    Kind("sign out", PAGES + "logout", 303, 1, kinds.sign_out),
    Kind("admin, home", "admin.index", 200, 3, desk("/admin/")),
    Kind("admin, users", "users.index_view", 200, 2, desk("/admin/users/")),
    Kind("admin, a user's form", "users.edit_view", 200, 3, desk("/admin/users/edit/?id={user}")),
    Kind("admin, roles", "roles.index_view", 200, 1, desk("/admin/roles/")),
    Kind("admin, files", "files.index_view", 200, 3, desk("/admin/files/")),
    Kind("admin, a file", "files.details_view", 200, 2, desk("/admin/files/details/?id={file}")),
    Kind("admin, files as CSV", "files.export", 200, 4, desk("/admin/files/export/csv/")),
    Kind("admin, trash", "trash.index_view", 200, 3, desk("/admin/trash/")),
    Kind("admin, uploads", "uploads.index_view", 200, 3, desk("/admin/uploads/")),
    Kind("admin, links", "links.index_view", 200, 5, desk("/admin/links/")),
    Kind("admin, log", "audit.index_view", 200, 3, desk("/admin/audit/")),
    Kind("admin, log of a person", "audit.index_view", 200, 7, desk("/admin/audit/?flt0_actor_is={user}")),
    Kind("admin, system", "system.index_view", 200, 3, desk("/admin/system/")),
    Kind("admin, blocked", "blocked.index_view", 200, 4, desk("/admin/blocked/")),
    Kind("admin, jobs", "jobs.index_view", 200, 2, desk("/admin/jobs/")),
    Kind("admin, sessions", "sessions.index_view", 200, 5, desk("/admin/sessions/")),
    Kind("admin, tokens", "tokens.index_view", 200, 5, desk("/admin/tokens/")),
    Kind(
        "change a user",
        ADMIN + "update_user",
        200,
        2,
        made(admin.somebody, "PATCH", "/admin/users/{made}", json=QUOTA),
    ),
    Kind("delete a user", ADMIN + "delete_user", 204, 9, admin.with_password("DELETE", "/admin/users/{made}")),
    Kind("whom a user reaches", ADMIN + "get_user_reached", 200, 3, root("GET", "/admin/users/{user}/access/who")),
    Kind("a role", ADMIN + "get_role", 200, 1, root("GET", "/admin/roles/operator")),
    Kind(
        "another role", ADMIN + "update_role", 200, 7, made(admin.role, "PATCH", "/admin/roles/{made}", json=DESCRIBED)
    ),
    Kind("delete a role", ADMIN + "delete_role", 204, 7, made(admin.role, "DELETE", "/admin/roles/{made}")),
    Kind(
        "what a role would do",
        ADMIN + "preview_role",
        200,
        13,
        made(admin.role, "POST", "/admin/roles/{made}/preview", json={}),
    ),
    Kind("everybody's sessions", ADMIN + "list_everybodys_sessions", 200, 3, root("GET", "/admin/sessions")),
    Kind("end a session", ADMIN + "end_session", 204, 4, made(admin.session, "DELETE", "/admin/sessions/{made}")),
    Kind("everybody's tokens", ADMIN + "list_tokens", 200, 3, root("GET", "/admin/tokens")),
    Kind("revoke a token", ADMIN + "revoke_token", 204, 3, made(admin.token, "DELETE", "/admin/tokens/{made}")),
    Kind(
        "revoke somebody's tokens",
        ADMIN + "revoke_tokens",
        200,
        4,
        made(admin.somebody, "DELETE", "/admin/users/{made}/tokens"),
    ),
    Kind("who is blocked", ADMIN + "list_blocked", 200, 3, root("GET", "/admin/blocked")),
    Kind("lift a block", ADMIN + "lift_block", 204, 4, made(admin.block, "DELETE", "/admin/blocked/{made}")),
    Kind(
        "leaving foreseen", ADMIN + "preview_leaving", 200, 3, admin.with_password("GET", "/admin/users/{made}/leave")
    ),
    Kind("leaving", ADMIN + "leave", 200, 13, admin.with_password("POST", "/admin/users/{made}/leave", json=LEFT)),
    Kind("share links", FILES + "list_links", 200, 4, root("GET", "/links?all=1")),
    Kind("new share link", FILES + "create_link", 201, 6, admin.new_link),
    Kind("a share link", FILES + "get_link", 200, 3, made(admin.link, "GET", "/links/{made}")),
    Kind("what a link has to meet", FILES + "get_link_rule", 200, 1, root("GET", "/links/rule")),
    Kind("when a link was used", FILES + "get_link_uses", 200, 3, made(admin.link, "GET", "/links/{made}/uses")),
    Kind("another link", FILES + "update_link", 200, 7, made(admin.link, "PATCH", "/links/{made}", json={"days": 3})),
    Kind("reopen a link", FILES + "reopen_link", 200, 8, made(admin.link, "POST", "/links/{made}/reopen")),
    Kind("revoke a share link", FILES + "revoke_link", 204, 3, made(admin.link, "DELETE", "/links/{made}")),
    Kind("one's own links, as a page", PAGES + "shared", 200, 3, page("/shared")),
    Kind("saved views", ADMIN + "list_views", 200, 1, root("GET", "/admin/views?section=files")),
    Kind("new view", ADMIN + "create_view", 201, 1, post("/admin/views", VIEW)),
    Kind("a view", ADMIN + "get_view", 200, 1, made(admin.view, "GET", "/admin/views/{made}")),
    Kind(
        "change a view",
        ADMIN + "update_view",
        200,
        3,
        made(admin.view, "PATCH", "/admin/views/{made}", json={"shared": True}),
    ),
    Kind("delete a view", ADMIN + "delete_view", 204, 3, made(admin.view, "DELETE", "/admin/views/{made}")),
    Kind("undo an act", ADMIN + "undo_entry", 200, 6, made(admin.entry, "POST", "/admin/acts/{made}/undo")),
    Kind("tag a file", FILES + "change", 200, 3, made(World.stored, "PATCH", "/files/{made}", json={"tags": ["red"]})),
    Kind("preview", FILES + "preview", 200, 3, made(admin.text, "GET", "/files/{made}/preview")),
    Kind("jobs", JOBS + "list_jobs", 200, 1, root("GET", "/jobs")),
    Kind("new job", JOBS + "start_job", 202, 3, post("/jobs", {"kind": "file.tag", "filter": {}, "args": admin.TAG})),
    Kind(
        "what a job would do",
        JOBS + "preview_job",
        200,
        2,
        post("/jobs/preview", {"kind": "file.trash", "filter": {}}),
    ),
    Kind("a job", JOBS + "get_job", 200, 1, made(admin.job, "GET", "/jobs/{made}")),
    Kind("stop a job", JOBS + "stop_job", 200, 2, made(admin.job, "POST", "/jobs/{made}/stop")),
    Kind("undo a job", JOBS + "undo_job", 202, 4, made(admin.done_job, "POST", "/jobs/{made}/undo")),
    *OF_REQUESTS,
    *OF_SHARES,
]


@pytest.fixture(scope="module")
def counting(store_server: Store, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Redis, Trips]]:
    """The product's client of an empty store, and its round trips."""
    with (
        counted(store_server.socket, tmp_path_factory.mktemp("counted")) as (path, trips),
        closing(connect(f"unix://{path}", store_server.password)) as client,
    ):
        client.flushall()
        yield client, trips


@pytest.fixture(scope="module")
def world(counting: tuple[Redis, Trips]) -> World:
    return kinds.make_world(counting[0])


@pytest.fixture
def trips(counting: tuple[Redis, Trips]) -> Trips:
    return counting[1]


def of_one(world: World, trips: Trips, kind: Kind) -> list[list[str]]:
    """The round trips of one such request."""
    ask = kind.prepare(world)
    trips.clear()
    answer = ask()
    answer.get_data()  # a file is fetched while it is read
    found = list(trips.taken)
    assert answer.status_code == kind.status, answer.text
    assert world.endpoint(answer) == kind.endpoint
    return found


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_a_request_makes_few_round_trips(world: World, trips: Trips, kind: Kind) -> None:
    of_one(world, trips, kind)
    turns = [of_one(world, trips, kind) for _ in range(TURNS)]
    # What is done once in a while (the last use of a token, the memory of the store) may meet one of them.
    usual = statistics.median_low(len(turn) for turn in turns)
    assert usual <= kind.most, "\n".join(" + ".join(trip) for trip in min(turns, key=len))


def test_every_route_of_the_api_and_every_list_is_among_them(world: World) -> None:
    endpoints = {rule.endpoint for rule in world.site.app.url_map.iter_rules()}
    named = {name for name in endpoints if name.startswith("api.") or name.endswith(".index_view")}
    assert named <= {kind.endpoint for kind in KINDS}


def test_a_round_trip_more_is_noticed(world: World, trips: Trips, counting: tuple[Redis, Trips]) -> None:
    """Commands that are sent one by one, or together, or are larger than what goes through a socket at once."""
    client, _ = counting
    for large in (b"x", b"x" * 4 * 1024**2):
        trips.clear()
        client.set("one", large)
        client.get("one")
        with client.pipeline(transaction=False) as together:
            for _ in range(3):
                together.get("one")
            together.execute()
        assert trips.taken == [["SET one"], ["GET one"], ["GET one"] * 3]


def test_many_commands_at_once_are_one(trips: Trips, counting: tuple[Redis, Trips]) -> None:
    """The client sends them in parts, and is answered in between."""
    client, _ = counting
    trips.clear()
    with client.pipeline(transaction=False) as together:
        for number in range(1000):
            together.get(f"key {number}")
        together.execute()
    assert [len(trip) for trip in trips.taken] == [1000]


def test_the_count_is_that_of_the_server(world: World, trips: Trips, store_server: Store) -> None:
    """What it reads at once is what came at once, as long as it is small."""

    def reads() -> int:
        with closing(store_server.client()) as client:
            return int(client.info("stats")["total_reads_processed"])

    own = -reads() + reads()
    before = reads()
    [kind] = [kind for kind in KINDS if kind.name == "download"]
    assert len(of_one(world, trips, kind)) == reads() - before - own
