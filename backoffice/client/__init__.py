"""The HTTP client of `manage.py upload` and `download`: it gets address, token and options handed in, and prints nothing."""
