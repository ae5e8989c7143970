"""Where the bytes of chunks lie: one module for each back end of the port `ChunkStore`."""
