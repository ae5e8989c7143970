"""Somebody at work while a backup is made, or before."""

from __future__ import annotations

import random

from backoffice.domain.access import Actor
from tests.support.backups import Site, body, store_file


class Life:
    """Somebody who stores, renames, replaces, deletes and purges files all the time."""

    def __init__(self, site: Site, who: Actor, seed: int) -> None:
        self.site, self.who, self.acts = site, who, 0
        self._chance, self._mine = random.Random(seed), list[str]()  # noqa: S311 - to be repeated, not to be secret

    def act(self) -> None:
        chance, services, who = self._chance, self.site.services, self.who
        self.acts += 1
        if len(self._mine) < 5 or chance.random() < 0.3:
            size = chance.choice((10, 900, 150_000))
            file = store_file(self.site, who, f"{self.acts}.bin", chance.randbytes(size))
            self._mine.append(file.id)
            return
        one = chance.choice(self._mine)
        match chance.randrange(4):
            case 0:
                services.files.rename(who, one, f"renamed {self.acts}.bin")
            case 1:
                services.uploads.replace_content(who, one, body(chance.randbytes(500)))
            case 2:
                self._mine.remove(one)
                services.files.trash(who, one)
            case _:
                self._mine.remove(one)
                services.files.trash(who, one)
                services.files.purge(who, one)
                services.files.collect()
