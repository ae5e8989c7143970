"""The blueprints that the modules of the API add their routes to.

Their names begin the endpoints, and endpoints stand in the audit log (refused calls) and in the metrics: keep them.
The order in which the modules are imported is that of the paths in the description.
"""

from __future__ import annotations

from typing import Final

from flask import Blueprint

uploads_bp: Final = Blueprint("uploads", __name__)
tus_bp: Final = Blueprint("tus", __name__, url_prefix="/tus")
files_bp: Final = Blueprint("files", __name__)
admin_bp: Final = Blueprint("admin", __name__, url_prefix="/admin")
