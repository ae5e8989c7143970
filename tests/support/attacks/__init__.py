"""Attacks that once worked, as a stranger or a person would carry them out: against a running site, over HTTP."""
