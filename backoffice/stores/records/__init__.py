"""Records with their indexes: what the store of every noun is made of."""
