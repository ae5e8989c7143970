"""Bytes of chunks encrypted at rest.

data_keys.py   keys that the store has, wrapped by the site's (`backoffice/site_keys.py`); few
sealing.py     a chunk under a key of its file, which it carries, wrapped by a data key
chunks.py      the port `ChunkStore` over one that keeps what is sealed
state.py       what is encrypted, whether this process can read it, and rotation
"""
