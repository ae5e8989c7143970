"""Unfinished uploads that somebody else sends into one's files: told apart."""

from __future__ import annotations

from backoffice.domain.access import ANONYMOUS
from tests.support.api_site import Site

BODY = b"the same bytes" * 10


def test_what_a_guest_sends_is_by_another_and_ones_own_is_not(site: Site) -> None:
    ann, guests = site.person("ann"), site.services.guests
    made = ann.call("POST", "/requests", json={"name": "Reports", "max_files": 5}).get_json()
    token = str(made["url"]).rsplit("/", 1)[1]
    sending = guests.sending(ANONYMOUS, token, guests.enter(ANONYMOUS, token, "", "", None, "Bob")[1])
    theirs = sending.put_chunk(
        upload_id=None, index=0, total_chunks=2, data=BODY[:70], size=len(BODY), name="a.txt"
    ).upload.id
    own = ann.chunk(BODY[:70], total_chunks=2, total_size=len(BODY), name="a.txt").json["file_id"]
    listed = {one["file_id"]: one["by_another"] for one in ann.get("/uploads").json["items"]}
    assert listed == {theirs: True, own: False}
    assert [ann.get(f"/uploads/{one}").json["by_another"] for one in (theirs, own)] == [True, False]
