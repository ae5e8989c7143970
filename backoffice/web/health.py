"""What machines ask: is the process alive, can it work, how is it doing. The first two tell nobody anything
else (D4)."""

from __future__ import annotations

from flask import Blueprint, Flask, Response, jsonify

from backoffice.domain.acts import Acts
from backoffice.errors import Unavailable
from backoffice.web.context import services
from backoffice.web.identity import actor
from backoffice.web.metrics import Metrics
from backoffice.web.route_access import asset, route_act


def init_health(app: Flask) -> None:
    """Register `/livez`, `/readyz` and `/metrics`."""
    bp = Blueprint("health", __name__)
    numbers = Metrics()
    numbers.init_app(app)

    @bp.get("/livez")
    @asset
    def live() -> Response:
        """This process answers."""
        return jsonify(status="alive")

    @bp.get("/readyz")
    @asset
    def ready() -> Response:
        """The store answers, too."""
        try:
            services().system.ready()
        except Unavailable:
            answer = jsonify(status="unavailable")
            answer.status_code = 503
            answer.headers["Retry-After"] = "1"
            return answer
        return jsonify(status="ready")

    @bp.get("/metrics")
    @route_act(Acts.SYSTEM_READ)
    def metrics() -> Response:
        """For Prometheus, with a token that has `system:read`."""
        return numbers.exposition(services().system.state(actor()))

    app.register_blueprint(bp)
