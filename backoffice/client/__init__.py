"""The HTTP client of `upload` and `download`: address, token and options are handed in, and it prints nothing."""
