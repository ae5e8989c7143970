"""The store that comes with the product: a Valkey server found, configured and kept running on this machine."""
