"""Comparing every index, count, quota, chunk and audit index with its record: `run.py` is where it begins."""
