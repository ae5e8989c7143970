"""Rules whose addresses are worked out when they are asked for are those of Werkzeug."""

from __future__ import annotations

import pytest
from werkzeug.routing import Map, Rule

from backoffice.web.application import LazyRule

RULES = [
    ("/", "home", {}, {}),
    ("/files/<name>", "file", {}, {"name": "ä b/c?.txt"}),
    ("/files/<name>", "file", {}, {"name": "a", "page": 2, "sort": ["x", "y&z"]}),
    ("/files/<int:number>/<path:rest>", "part", {}, {"number": 7, "rest": "a/b c"}),
    ("/list/<int:page>", "list", {"page": 1}, {"page": 1}),
    ("/list/<int:page>/<self>", "self", {"page": 1}, {"self": "me"}),
]


@pytest.mark.parametrize(("path", "endpoint", "defaults", "values"), RULES)
@pytest.mark.parametrize("append_unknown", [True, False])
def test_an_address_is_the_one_that_werkzeug_makes(
    path: str, endpoint: str, defaults: dict[str, int], values: dict[str, object], append_unknown: bool
) -> None:
    made = []
    for kind in (Rule, LazyRule):
        rule = kind(path, endpoint=endpoint, defaults=defaults)
        Map([rule])
        made.append([rule.build(values, append_unknown) for _ in range(2)])
    assert made[0] == made[1]


def test_nothing_is_compiled_before_an_address_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    compiled = []
    compile_builder = Rule._compile_builder

    def counted(self: Rule, append_unknown: bool = True) -> object:
        compiled.append(self.rule)
        return compile_builder(self, append_unknown)

    monkeypatch.setattr(Rule, "_compile_builder", counted)
    addresses = Map([LazyRule("/a", endpoint="a"), LazyRule("/b/<one>", endpoint="b")]).bind("localhost")
    assert addresses.match("/b/x") == ("b", {"one": "x"})
    assert compiled == []
    assert [addresses.build("b", {"one": "x"}) for _ in range(2)] == ["/b/x"] * 2
    assert compiled == ["/b/<one>"]
