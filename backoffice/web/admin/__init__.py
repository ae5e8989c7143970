"""The admin site: Flask-Admin views over the services."""

from __future__ import annotations

from backoffice.web.admin.site import register

__all__ = ["register"]
