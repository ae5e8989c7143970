"""Backups: one archive of all that the store holds, taken while people work, and the store made of it again."""
