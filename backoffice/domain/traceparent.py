"""The header by which a request says of which trace it is a part (W3C Trace Context, `traceparent`).

Anybody can send one, so it decides nothing: it stands in the lines of the log, and where a proxy of ours sent it, our
spans go on with it. Programs are given it, and give it on, by the variable of the environment TRACEPARENT.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

VARIABLE: Final = "TRACEPARENT"
_FORM: Final = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-[!-~]*)?")
_LONGEST: Final = 200


@dataclass(frozen=True, slots=True)
class TraceParent:
    """`trace_id` 32, `parent_id` 16 hexadecimal digits; `sampled`: whether the caller keeps its part. `trusted`: it
    came from a proxy of ours."""

    trace_id: str
    parent_id: str
    sampled: bool
    trusted: bool = False

    @property
    def header(self) -> str:
        """As it is sent on."""
        return f"00-{self.trace_id}-{self.parent_id}-{int(self.sampled):02x}"


def parse_traceparent(header: str, *, trusted: bool = False) -> TraceParent | None:
    """None where it is none that is valid (section 2.2 of the recommendation): then it counts as not sent. A version to
    come may have more behind; version 00 has not, and ff is none."""
    found = _FORM.fullmatch(header.strip(" \t")) if len(header) <= _LONGEST else None
    if found is None:
        return None
    version, trace_id, parent_id, flags, more = found.groups()
    if version == "ff" or (version == "00" and more is not None) or not trace_id.strip("0") or not parent_id.strip("0"):
        return None
    return TraceParent(trace_id, parent_id, bool(int(flags, 16) & 1), trusted)
