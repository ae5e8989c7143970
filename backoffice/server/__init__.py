"""gunicorn, configured in code."""
