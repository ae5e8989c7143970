"""Bytes of chunks encrypted at rest.

wrapping.py    the site's keys, which stay outside of the store, and what they wrap
data_keys.py   keys that the store has, wrapped by those; few
sealing.py     a chunk under a key of its file, which it carries, wrapped by a data key
chunks.py      the port `ChunkStore` over one that keeps what is sealed
state.py       what is encrypted, whether this process can read it, and rotation
"""
