"""What machines ask: is the process alive, can it work, how is it doing. The first two tell nobody anything
else (D4)."""

from __future__ import annotations

from flask import Blueprint, Flask, Response, jsonify, request

from backoffice.domain.acts import Acts, decide_act
from backoffice.errors import Unavailable
from backoffice.web.context import services
from backoffice.web.identity import actor
from backoffice.web.metrics import Metrics
from backoffice.web.readiness import asks_details
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
        """The store answers, too. `?verbose`: what is found of it, for who may see the system; nobody else learns
        more."""
        try:
            services().system.ready()
        except Unavailable:
            answer = jsonify(status="unavailable")
            answer.status_code = 503
            answer.headers["Retry-After"] = "1"
            return answer
        asking = actor()
        if not asks_details(request) or not decide_act(asking, Acts.SYSTEM_READ, None).allowed:
            return jsonify(status="ready")
        found = services().system.findings(asking)
        checks = [{"check": one.topic, "verdict": one.verdict, "text": one.text} for one in found]
        return jsonify(status="ready", checks=checks)

    @bp.get("/metrics")
    @route_act(Acts.SYSTEM_READ)
    def metrics() -> Response:
        """For Prometheus, with a token that has `system:read`."""
        return numbers.exposition(services().system.state(actor()))

    app.register_blueprint(bp)
