"""`manage.py screenshots DIRECTORY`: pictures of the main pages at three widths in both looks, for people to look at.

A site of its own with the demonstration data, and in it what there is on a day: sessions, an upload under way,
something in the trash.
"""

from __future__ import annotations

import argparse
import os
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from playwright.sync_api import Page, sync_playwright

from backoffice.commands.demo import FIXTURES, load_demo
from backoffice.composition import build_services, store_client
from backoffice.domain.access import Actor, system_actor
from backoffice.domain.deliveries import RequestTerms
from backoffice.domain.files import FileSpec
from backoffice.domain.paging import Query
from backoffice.domain.shares import ShareAccess
from backoffice.domain.users import User
from backoffice.embedded.data_dir import Layout
from backoffice.embedded.discovery import find, socket_url
from backoffice.secret import Secret
from backoffice.services.container import Services
from backoffice.settings import Settings
from backoffice.web.cookies import SESSION, site_mark
from tests.support.servers import Site

WIDTHS: Final = (360, 768, 1280)
LOOKS: Final = ("light", "dark")
SHELL: Final = system_actor("screenshots", "shell")
CHROMIUM: Final = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
LAPTOP: Final = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0"


def main(arguments: Sequence[str]) -> int:
    """Take them; how it ended, for the shell."""
    parser = argparse.ArgumentParser(prog="manage.py screenshots", description=__doc__.partition("\n")[0])
    parser.add_argument("directory", type=Path, help="where the pictures go; made if it is not there")
    parser.add_argument("--only", nargs="*", default=[], metavar="PAGE", help="of these pages (my-files, users, …)")
    chosen = parser.parse_args(arguments)
    chosen.directory.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as root:
        site = Site.start(Path(root) / "data", environ={"BACKOFFICE_DURABILITY": "os"})
        try:
            url = site.ready().rstrip("/")
            services = _services(Path(root) / "data")
            load_demo(services, FIXTURES)
            boss = services.users.find(SHELL, "grace")
            services.users.update(SHELL, boss.id, roles=("admin",))
            pages = _prepare(services)
            _take(url, _session(services, services.users.find(SHELL, "grace")), pages, chosen.directory, chosen.only)
        finally:
            site.close()
    return 0


def _services(data: Path) -> Services:
    layout = Layout.at(data)
    running = find(layout)
    if running is None:
        raise SystemExit("the site does not say where its store is")
    settings = Settings(
        redis_url=socket_url(running.socket),
        redis_password=Secret(layout.store_password.read_text().strip()),
        secret_keys=(Secret(layout.secret.read_text().strip()),),
        data_dir=data,
    )
    return build_services(settings, store_client(settings))


def _session(services: Services, user: User) -> str:
    services.users.set_password(SHELL, user.id, "violet-harbour-93-lantern")
    return services.sessions.start_for(SHELL, services.users.get(SHELL, user.id)).secret


def _prepare(services: Services) -> dict[str, str]:
    """What happens on a day; name and address of each page."""
    ada, alan, grace = (services.users.find(SHELL, name) for name in ("ada", "alan", "grace"))
    for user in (ada, alan, grace):
        _session(services, user)
    actor = _acting(services, ada)
    files = {file.name: file for file in services.files.page(actor, Query(limit=50)).items}
    services.uploads.put_chunk(
        actor, upload_id=None, index=0, total_chunks=4, data=b"x" * 1_000_000, size=3_900_000, name="survey of 1833.tif"
    )
    services.files.trash(actor, files["bernoulli.csv"].id)
    user, file = f"/admin/users/details/?id={ada.id}", f"/admin/files/details/?id={files['orbit.png'].id}"
    return {
        **_shared(services, actor, _acting(services, grace)),
        "my-files": "/",
        "account": "/account",
        "overview": "/admin/",
        "users": "/admin/users/",
        "user": user,
        "user-access": f"{user}&tab=access",
        "user-edit": f"/admin/users/edit/?id={ada.id}",
        "user-new": "/admin/users/new/",
        "user-leaves": f"/admin/users/leave/?id={ada.id}",
        "sessions": "/admin/sessions/",
        "tokens": "/admin/tokens/",
        "roles": "/admin/roles/",
        "role": "/admin/roles/details/?id=librarian",
        "files": "/admin/files/",
        "file": file,
        "file-details": f"{file}&tab=details",
        "trash": "/admin/trash/",
        "uploads": "/admin/uploads/",
        "jobs": "/admin/jobs/",
        "activity": "/admin/audit/",
        "system": "/admin/system/",
        "refused": "/admin/files/details/?id=0123456789012345678901",
    }


def _acting(services: Services, user: User) -> Actor:
    """This person, by a token."""
    _, text = services.tokens.create(SHELL, name="Backup of the lab", user_id=user.id, days=30)
    found = services.tokens.authenticate(text, ip="192.0.2.17", agent=LAPTOP, request_id="screenshots")
    if found is None:
        raise SystemExit("a new token is not known")
    return found[0]


def _shared(services: Services, ada: Actor, grace: Actor) -> dict[str, str]:
    """Folders of who looks, what ada shares with her, and what strangers see of both; name and address of each page."""
    for names in (("Survey of 1833", "Plates"), ("Minutes", "2026"), ("Photographs",)):
        services.folders.make_path(grace, names)
    survey = services.folders.make_path(grace, ("Survey of 1833",))
    for name, folder in (
        ("orbit.png", survey.id),
        ("stations.json", survey.id),
        ("trajectory.svg", ""),
        ("orbit.png", ""),
    ):
        _put(services, grace, name, folder)
    notes = services.folders.make_path(ada, ("Notes on the engine",))
    orbit = _put(services, ada, "orbit.png", notes.id, "plate 7.png")
    _put(services, ada, "bernoulli.csv", notes.id)
    _put(services, ada, "analytical-engine.md", notes.id)
    services.shares.create(ada, folder=notes.id, user="grace", access=ShareAccess.WRITE)
    services.shares.create(ada, file=orbit, user="grace")
    _, of_file = services.links.create(ada, file=orbit)
    _, of_folder = services.links.create(ada, folder=notes.id, max_downloads=20)
    services.links.create(grace, folder=survey.id, password="violet-harbour-93-lantern")
    terms = RequestTerms(max_files=40, max_bytes=2_000_000_000, types=(".png", ".tif", ".jpg"))
    message = "Please send the plates as you scanned them, in full size. Thank you!"
    made, of_request = services.requests.create(
        grace, name="Plates of the survey", message=message, terms=terms, folder=survey.id, days=90
    )
    return {
        "folder": f"/?folder={survey.id}",
        "shared-with-me": "/shared-with-me",
        "shared": "/shared",
        "requests": "/my/requests",
        "request": f"/my/requests/{made.id}",
        "link": f"/s/{of_file}",
        "link-folder": f"/s/{of_folder}",
        "guest": f"/s/{of_request}",
    }


def _put(services: Services, owner: Actor, fixture: str, folder: str, name: str = "") -> str:
    """A file of the fixtures in a folder, "" = at the top; its identifier."""
    path = FIXTURES / "files" / fixture
    with path.open("rb") as source:
        spec = FileSpec(name or fixture, folder=folder)
        return services.uploads.upload_stream(owner, spec, source.readinto, path.stat().st_size).id


def _take(url: str, secret: str, pages: dict[str, str], directory: Path, only: Sequence[str]) -> None:
    with sync_playwright() as playwright:
        found = next(filter(None, map(shutil.which, CHROMIUM)), None) or playwright.chromium.executable_path
        arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = playwright.chromium.launch(executable_path=found, args=arguments)
        context = browser.new_context(reduced_motion="reduce")
        context.set_default_timeout(120_000)
        page = context.new_page()
        page.goto(f"{url}/login")
        _shoot(page, "sign-in", directory, only)
        context.add_cookies([{"name": SESSION + site_mark(url), "value": secret, "url": url, "httpOnly": True}])
        for name, address in pages.items():
            if not only or name in only:
                page.goto(url + address)
                _shoot(page, name, directory, only)
        browser.close()


def _shoot(page: Page, name: str, directory: Path, only: Sequence[str]) -> None:
    """The open page, without loading it again."""
    if only and name not in only:
        return
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 800})
        for look in LOOKS:
            page.emulate_media(color_scheme=look, reduced_motion="reduce")  # type: ignore[arg-type]
            page.screenshot(path=directory / f"{name}-{width}-{look}.png")
