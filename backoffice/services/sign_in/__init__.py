"""Signing in: passwords, delays for who fails, browsers that are known."""
