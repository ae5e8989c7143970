"""Pages that no search engine should have."""

from __future__ import annotations

from flask import Response, after_this_request


def keep_out_of_indexes() -> None:
    """Say so in this answer."""

    @after_this_request
    def tell(response: Response) -> Response:
        response.headers["X-Robots-Tag"] = "noindex, nofollow, noarchive"
        return response
