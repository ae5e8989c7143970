"""That the data directory was encrypted or decrypted, told in the log when the store is open next."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from backoffice.domain.actions import Actions
from backoffice.embedded import conversions
from backoffice.embedded.data_dir import Layout
from backoffice.embedded.directory_key import DirectoryKeys
from backoffice.services.encryption import EncryptionCare
from backoffice.stores.encryption.state import RedisEncryption
from backoffice.stores.log.audit import RedisAudit
from tests.support.chunks import SITE_KEYS
from tests.support.database import database
from tests.support.uploads import KEYS


def test_it_is_told_once(redis: Any, tmp_path: Path) -> None:
    """By the first start of several, one of which was killed before it took the note away."""
    db, layout = database(redis), Layout.at(tmp_path)
    audit, keys = RedisAudit(db, KEYS), DirectoryKeys(layout, SITE_KEYS)
    care = EncryptionCare(RedisEncryption(db, KEYS, SITE_KEYS, None), audit, keys)
    keys.make()
    care.record_conversions()
    assert audit.page((), "", 20).items == ()
    conversions.begin(layout, "", encrypted=True)
    conversions.begin(layout, "", encrypted=True)  # of an attempt that was stopped
    conversions.begin(layout, "pat", encrypted=False)
    kept = layout.conversions.read_bytes()
    for _ in range(2):
        layout.conversions.write_bytes(kept)
        care.record_conversions()
        assert not layout.conversions.exists()
    decrypted, encrypted = (one.event for one in audit.page((), "", 20).items)
    assert encrypted["action"] == Actions.SYSTEM_ENCRYPT
    assert encrypted["data"]["site_key"] == SITE_KEYS.first.name
    assert decrypted["action"] == Actions.SYSTEM_DECRYPT
    assert decrypted["data"].keys() == {"data_directory", "done_at"}
    assert [one["actor"]["name"] for one in (encrypted, decrypted)] == ["setup", "pat"]
