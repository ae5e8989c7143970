"""What runs in the background: driven by the audit log, which says what happened, and by time."""
