"""The audit log: a stream, its indexes, and their repair."""
