"""The table of errors: complete, unambiguous, and nearest class first."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from backoffice import errors
from backoffice.errors import BackofficeError
from backoffice.web.csrf import CsrfFailed
from backoffice.web.errors import HTTP_ERRORS, STATUS, retry_headers, status_of
from backoffice.web.problem import problem_response, title_of


def tree(root: type[BackofficeError]) -> Iterator[type[BackofficeError]]:
    yield root
    for sub in root.__subclasses__():
        yield from tree(sub)


EVERY = sorted(
    {cls for cls in tree(BackofficeError) if cls.__module__.startswith("backoffice.")}, key=lambda c: c.__name__
)


@pytest.mark.parametrize("cls", EVERY)
def test_every_error_has_a_status(cls: type[BackofficeError]) -> None:
    status = status_of(cls())
    assert 400 <= status < 600
    assert (status == 500) is (cls is BackofficeError or issubclass(cls, errors.IntegrityError))


def test_codes_are_unique_and_belong_to_one_class() -> None:
    public = [cls for cls in EVERY if not cls.__name__.startswith("_")]
    codes = [cls.code for cls in public]
    assert len(set(codes)) == len(codes)


def test_the_nearest_class_counts() -> None:
    assert status_of(errors.Conflict()) == 409
    assert status_of(errors.VersionMismatch()) == 412
    assert status_of(errors.QuotaExceeded()) == 413
    assert status_of(errors.BadCredentials()) == 401
    assert status_of(errors.ReauthRequired()) == 403
    assert status_of(CsrfFailed()) == 403


def test_the_framework_shares_codes_with_the_tree() -> None:
    for status, (code, sentence) in HTTP_ERRORS.items():
        assert sentence.endswith(".")
        of_the_tree = [cls for cls in EVERY if cls.code == code]
        assert all(status_of(cls()) == status for cls in of_the_tree)
    assert set(STATUS.values()) <= set(HTTP_ERRORS) | {409, 500, 507}


def test_details_stand_beside_the_code_and_never_in_its_place() -> None:
    answer = problem_response(409, "chunks_missing", "x", "id", {"missing": [[0, 1]], "code": "y", "status": 1})
    assert answer.json is not None
    assert answer.json["missing"] == [[0, 1]]
    assert answer.json["code"] == "chunks_missing"
    assert answer.json["status"] == 409
    assert answer.content_type == "application/problem+json"


def test_retry_after_is_at_least_a_second() -> None:
    assert retry_headers(errors.TooMany(retry_after=0)) == {"Retry-After": "1"}
    assert retry_headers(errors.NotFound()) == {}


def test_titles() -> None:
    assert (title_of(404), title_of(999)) == ("Not Found", "Error")
