"""Uploads: how a file arrives, by chunks in any order or as one stream, and how it becomes a file.

service     `Uploads`: who may, in what order, what is recorded
chunks      checking and storing one chunk
new_file    a file that is written now: whole, or a stream
streaming   bytes that come in order: `StreamingUpload`
chunker     cutting, hashing and storing a body while it arrives
completion  how an upload becomes a file
reader      reading what is stored, checked chunk by chunk
limits      what may be uploaded
resumable   uploads that become a file by their last byte, for tus clients
secrets     what an address of such an upload is worth
status      how far an upload is
"""
