"""The commands for people and the log, on a real server, as they are typed."""

from __future__ import annotations

import json
import re
from concurrent.futures import ThreadPoolExecutor

import pytest
from redis import Redis

from backoffice.commands.demo import FIXTURES, load_demo
from backoffice.composition import build_services
from backoffice.domain.access import system_actor
from backoffice.domain.paging import Query
from backoffice.domain.tokens import split_token
from backoffice.settings import Settings
from tests.support.commands import Run
from tests.support.people import PASSWORD
from tests.support.servers import Store

SHELL = system_actor("test", "shell")


def test_a_user_from_create_to_delete(run: Run) -> None:
    status, out, _ = run("user", "create", "ada", "--email", "ada@example.org", "--quota", "1GiB")
    assert status == 0
    assert re.fullmatch(r"http://127\.0\.0\.1:5000/setup/\S{43}\n", out)
    for quota in ("unlimited", "default"):
        assert run("user", "update", "ada", "--quota", quota)[0] == 0
    assert run("user", "create", "rosa", "--role", "admin", "--password", typed=PASSWORD + "\n")[:2] == (0, "")
    status, out, _ = run("user", "list")
    assert [line.split("\t")[0] for line in out.splitlines()] == ["rosa", "ada"]
    assert run("user", "list", "--role", "admin")[1].count("\n") == 1
    assert run("user", "list", "--status", "invited", "--search", "ad")[1].startswith(
        "ada\tada@example.org\tinvited\tuser\t-\t"
    )
    assert run("user", "set-password", "ada@example.org", typed=PASSWORD + "\n")[0] == 0
    assert run("user", "update", "ada", "--role", "auditor", "--role", "user", "--username", "adele")[0] == 0
    for verb in ("disable", "enable", "invite", "delete"):
        assert run("user", verb, "adele")[0] == 0, verb
    status, _, error = run("user", "delete", "rosa")
    assert (status, error) == (1, "The last active administrator stays one.\n")
    status, _, error = run("user", "disable", "adele")
    assert (status, error) == (1, "There is no user 'adele'.\n")


@pytest.mark.parametrize(
    ("arguments", "typed", "said"),
    [
        (("user", "create", "a b"), "", "user name has"),
        (("user", "create", "ada", "--password"), "password\n", "first that are tried"),
        (("user", "create", "ada", "--role", "nonesuch"), "", "no role 'nonesuch'"),
        (("user", "create", "ada", "--quota", "much"), "", "must be a size"),
        (("role", "create", "x", "--permission", "root"), "", "no permission 'root'"),
        (("role", "delete", "admin"), "", "built-in"),
        (("token", "create", "--user", "nobody"), "", "no user 'nobody'"),
        (("token", "revoke", "x"), "", "nothing here"),
    ],
)
def test_what_goes_wrong_is_said_in_a_line(run: Run, arguments: tuple[str, ...], typed: str, said: str) -> None:
    status, out, error = run(*arguments, typed=typed)
    assert status
    assert out == ""
    assert said in error
    assert "Traceback" not in error


def test_tokens(run: Run) -> None:
    run("user", "create", "ada", "--password", typed=PASSWORD + "\n")
    status, out, error = run(
        "token", "create", "--user", "ada", "--scope", "files:read", "--scope", "files:write", "--days", "7"
    )
    assert (status, error) == (0, "")
    found = split_token(out.removesuffix("\n"))
    assert found is not None, "the token alone is on standard output"
    token_id, secret = found
    status, listed, _ = run("token", "list", "--user", "ada")
    assert listed.startswith(f"{token_id}\tada\tshell\tfiles:read files:write\t")
    assert secret not in listed
    assert listed.endswith("\tactive\n")
    assert run("user", "disable", "ada")[0] == 0
    assert run("token", "list", "--user", "ada")[1].endswith("\tended\n")
    assert run("user", "enable", "ada")[0] == 0
    assert run("token", "list", "--user", "ada")[1].endswith("\tended\n")
    assert run("token", "revoke", token_id)[0] == 0
    assert run("token", "list")[1] == ""
    status, _, error = run("token", "create", "--user", "ada", "--scope", "users:write")
    assert status == 1
    assert "does not hold users:write" in error


def test_roles(run: Run) -> None:
    assert run("role", "create", "desk", "--permission", "users:read", "--description", "The desk")[0] == 0
    assert "desk\tcustom\tThe desk\tusers:read\n" in run("role", "list")[1]
    assert run("role", "update", "desk", "--permission", "roles:read")[0] == 0
    assert "desk\tcustom\tThe desk\troles:read\n" in run("role", "list")[1]
    assert run("role", "delete", "desk")[0] == 0
    assert "desk" not in run("role", "list")[1]
    assert "audit:read\tRead the audit log\n" in run("role", "permissions")[1]


def test_the_log(run: Run) -> None:
    run("user", "create", "ada")
    run("user", "disable", "ada")
    status, out, _ = run("audit", "tail")
    assert status == 0
    lines = out.splitlines()
    assert [line.split("  ")[1] for line in lines] == ["user.create", "user.disable", "audit.read"]
    assert "user ada" in lines[0]
    assert run("audit", "tail", "-n", "1")[1].count("\n") == 1
    assert run("audit", "search", "--action", "user.disable")[1].count("\n") == 1
    entry = json.loads(run("audit", "search", "--action", "user.create", "--json")[1])
    assert entry["event"]["changes"]["username"] == [None, "ada"]
    target = f"user:{entry['event']['object']['id']}"
    assert run("audit", "search", "--object", target)[1].count("\n") == 2
    actor = entry["event"]["actor"]["id"]
    assert run("audit", "search", "--actor", actor, "--action", "user.disable")[1].count("\n") == 1
    assert run("audit", "search", "--actor", "ada")[1] == ""


def test_the_demonstration_data_is_loaded_once(run: Run) -> None:
    status, out, _ = run("demo")
    assert status == 0
    wanted = json.loads((FIXTURES / "demo.json").read_text("utf-8"))
    heading, *links = out.splitlines()
    assert "once" in heading
    assert [line.partition(": ")[0].strip() for line in links] == [user["username"] for user in wanted["users"]]
    listed = run("user", "list")[1]
    assert listed.count("\n") == len(wanted["users"])
    files = sum(len(user.get("files", ())) for user in wanted["users"])
    created = run("audit", "search", "--action", "file.create")[1]
    assert created.count("\n") == files
    assert run("user", "delete", "radia")[0] == 0
    status, out, _ = run("demo")
    assert (status, out) == (0, "The demonstration users are there already.\n")
    assert run("audit", "search", "--action", "file.create")[1] == created
    status, out, _ = run("fsck")
    assert (status, out.splitlines()[-1]) == (0, "All is well.")


def _names(real: Redis, user: str) -> set[str]:
    services = build_services(Settings(), real)
    owner = services.users.find(SHELL, user).id
    found = services.files.page(SHELL, Query(filters=(("owner", owner),)), everybody=True)
    return {file.name for file in found.items}


def _created(run: Run) -> int:
    return run("audit", "search", "--action", "file.create", "-n", "1000")[1].count("\n")


def test_what_became_of_a_file_of_the_demonstration_is_no_reason_to_make_it_again(run: Run, real: Redis) -> None:
    assert run("demo")[0] == 0
    services = build_services(Settings(), real)
    owner = services.users.find(SHELL, "ada").id
    files = services.files.page(SHELL, Query(filters=(("owner", owner),)), everybody=True).items
    services.files.rename(SHELL, files[0].id, "another name.bin")
    services.files.trash(SHELL, files[1].id)
    before = _created(run)
    assert run("demo")[0] == 0
    assert _created(run) == before
    services.files.purge(SHELL, files[2].id)
    assert run("demo")[0] == 0
    assert _created(run) == before + 1  # this one was missing


def test_two_demonstrations_at_once_make_one(run: Run, real: Redis, store_server: Store) -> None:
    def load(_: int) -> list[tuple[str, str]]:
        with store_server.client() as client:
            return load_demo(build_services(Settings(), client), FIXTURES)

    with ThreadPoolExecutor(4) as pool:
        links = [link for made in pool.map(load, range(4)) for link in made]
    assert len(links) == len({name for name, _ in links}) == 5
    assert _created(run) == 6
    assert _names(real, "ada") == {"analytical-engine.md", "bernoulli.csv", "orbit.png"}


def test_a_store_that_takes_no_changes_is_told_with_its_reason(run: Run, real: Redis) -> None:
    real.config_set("min-replicas-to-write", 1)
    try:
        status, out, err = run("user", "create", "ada")
    finally:
        real.config_set("min-replicas-to-write", 0)
    assert (status, out) == (1, "")
    assert err.startswith("The store takes no changes just now, for its replicas are away; try again in a moment. (")
    assert "NOREPLICAS" in err
