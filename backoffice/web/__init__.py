"""Flask and nothing else: HTTP in, calls to services, HTTP out."""
