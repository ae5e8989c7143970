"""Every number that people meet: how long, how many, how large. Bytes of what is uploaded are settings."""

from __future__ import annotations

from typing import Final

# Users
MIN_PASSWORD: Final = 8
"""Code points (ASVS 5.0, 6.2.1)."""
MAX_PASSWORD: Final = 128
MAX_USERNAME: Final = 64
MAX_EMAIL: Final = 254
"""RFC 5321, 4.5.3.1.3, less the angle brackets."""
MAX_LOGIN: Final = MAX_EMAIL
"""One signs in by name or address."""
MAX_QUOTA: Final = 2**53
"""Bytes. The store's scripts count exactly up to here."""
UNLIMITED_QUOTA: Final = MAX_QUOTA
"""A user's own quota that is none, whatever the site gives everybody."""
MAX_INACTIVE_DAYS: Final = 3650
WARNING_DAYS: Final = 30
"""Before an account ends by itself it is shown for so long that it will."""

# Roles
MAX_ROLE_NAME: Final = 40
MAX_DESCRIPTION: Final = 200
MAX_ROLES: Final = 200
"""Custom ones; all of them are kept in every process."""

# Sessions
MAX_SESSIONS: Final = 50
"""That one user can have; with one more, the one that was used the longest ago ends."""

MAX_SIGN_INS: Final = 5_000
"""Of one user in a day, and of giving the password once more."""

# API tokens
DEFAULT_TOKEN_DAYS: Final = 365
MAX_TOKEN_DAYS: Final = 3650
MAX_TOKEN_NAME: Final = 100
MAX_TOKENS: Final = 100
"""That one user can have, expired ones included."""

# Share links
DEFAULT_LINK_DAYS: Final = 30
MAX_LINK_DAYS: Final = 365
"""Unless the site says otherwise."""
MAX_SHARE_DAYS: Final = 3650
"""That a site or a role can let links live."""
MAX_LINKS: Final = 200
"""That one user can have, those that are closed included."""
MAX_LINK_DOWNLOADS: Final = 10_000
"""That a link can be made for; without such a number it is for as many as come."""
MAX_LINK_USES: Final = 10_000
"""Downloads by all links of one person in a day: each is an entry of the log."""
MAX_REQUEST_FILES: Final = 10_000
"""That a link by which files are requested takes in all."""
DEFAULT_REQUEST_FILES: Final = 100
DEFAULT_REQUEST_BYTES: Final = 10 * 1000**3
"""Of all files that such a link takes, unless its owner says otherwise."""
MAX_REQUEST_TYPES: Final = 30
MAX_REQUEST_NAME: Final = 100
MAX_REQUEST_MESSAGE: Final = 2_000
MAX_GUEST_NAME: Final = 60
MAX_RECEIPT_CODE: Final = 80
"""Characters of a receipt code as it is typed, with what separates its parts."""
MAX_DELIVERIES: Final = 10_000
"""Files that guests of one person's requests deliver in a day."""
MAX_LINK_DELIVERIES: Final = 5_000
"""By one of them: what is taken back counts, too, so that nobody who has one address shuts the others."""
MAX_WAITING: Final = 10_000
"""Delivered files of one person that wait to be accepted."""
MAX_GUEST_STARTS: Final = 10_000
"""Uploads that guests of one person's requests begin in a day: each leaves two entries of the log."""
MAX_REQUEST_UPLOADS: Final = 10
"""Open uploads by one request: what strangers store beyond its bytes is less than a chunk of each."""
MAX_GUEST_UPLOADS: Final = 4
"""Of one guest among them."""
MAX_NETWORK_UPLOADS: Final = 6
"""And begun from one IPv4 address or IPv6 /48, so that one stranger leaves places for others."""
GUEST_PATIENCE_SECONDS: Final = 10 * 60
"""A place that a guest needs is given up for it where no byte has come for so long, or it has been slower all this time
than the next number says. While nobody needs it, it is kept as long as any upload is."""
GUEST_PACE: Final = 1024
"""Bytes a second, from the beginning."""
MAX_LINK_TEXT: Final = 1024 * 1024
"""Bytes of a text that the page of a link shows."""
LINK_LOOK_SECONDS: Final = 3600
"""The page of a link that is looked at again and again is one entry of the log in so long."""
LINK_TICKET_SECONDS: Final = 24 * 3600
"""For so long after a download was begun, but not beyond the link's end, the same browser may go on with it."""
LINK_AGAIN_SECONDS: Final = 10 * 60
"""For so long it may begin again with the first byte: later that is another download, and counted."""

# Shares with people and roles
MAX_SHARES: Final = 500
"""That one user can have made, those that are closed included."""
MAX_RECEIVED: Final = 500
"""Of what is shared with somebody, so many are looked through for a list: the newest."""

# Files
MAX_NAME_BYTES: Final = 255
MAX_TAGS: Final = 20
MAX_TAGS_TEXT: Final = 1000
"""Characters of tags that are typed into one field."""
MAX_TAG: Final = 50
MAX_FILES: Final = 100
"""In one form."""
LEAST_CHUNK: Final = 64 * 1024
"""Bytes of a chunk, unless it is the last one or the file has few."""
FEW_CHUNKS: Final = 100
"""So many chunks of a file may be smaller: each takes 200 bytes of the store besides its own."""
UNCOUNTED_CHUNKS: Final = 1_000
"""Chunks of an open upload whose part of its map the quota does not count: their bytes are counted, and the number of
uploads that one person has open is bounded. So a file of 8 GB in chunks of 8 MiB takes nothing but its own bytes."""
MAX_PATH: Final = 4096
"""Characters of a file's name with its folders, as some browsers send it; more no file system has."""

MAX_TEXT_SHOWN: Final = 256 * 1024
"""Bytes of a text, from its beginning, that its preview has."""
MAX_TEXT_WRITTEN: Final = MAX_TEXT_SHOWN
"""Bytes of a text that is written on the page. A longer one is uploaded as a file."""
MAX_IMAGE_SHOWN: Final = 16 * 1024 * 1024
"""Bytes; a larger one has no preview."""
MAX_VERIFIED_AT_ONCE: Final = 64 * 1024 * 1024
"""Bytes of a file that one request compares with their digests; what is larger takes a job."""

KEEP_VERSIONS: Final = 10
"""Earlier versions of a file that are kept, unless the site says otherwise."""
MAX_VERSIONS: Final = 100
"""That a site can keep: all of them go, or are handed over, in one commit with their file."""

MAX_FOLDERS: Final = 10_000
"""That one person can have, those in the trash included."""
MAX_FOLDER_DEPTH: Final = 100
"""Folders in each other."""

MAX_ZIPPED: Final = 10_000
"""Files in one archive: their records, some 10 MB, are in memory while it is sent."""
MAX_ZIPPED_NAMES: Final = 16 * 1024 * 1024
"""Bytes of their names, with the folders that they lie in, likewise."""
MAX_ZIPPED_FOLDERS: Final = 1_000
"""Folders that are looked through for one archive, at some round trips each."""
MAX_UNSENT: Final = 8 * 1024**3
"""Bytes of files that are read for a part of an archive that does not have them. A part that takes more is not sent by
itself: the whole is."""

READS_SECONDS: Final = 600
"""Of the downloads of a file by one person within so long, counted from the hour on, the first has an entry of its own
in the log; all others together have one more."""

# Refusals of people who are not signed in, of each kind (sign-in, token)
MAX_REFUSAL_ENTRIES: Final = 100
"""That have an entry of their own in the log in a row; those that find no place any more are counted."""
REFUSAL_ENTRY_SECONDS: Final = 60
"""After so long there is a place for one more. So nobody can fill the log with more than 3,000 entries a day."""
COUNTED_SECONDS: Final = 60
"""What is counted for so long is one entry."""
MAX_NAMED_REFUSALS: Final = 10
"""Reasons, users and networks that such an entry names."""
MAX_THROTTLED: Final = 20_000
"""Networks, names and browsers each whose failures are remembered; the one that would be forgotten first gives way."""

# The disk
MIN_FREE_DISK: Final = 512 * 1024**2
"""Bytes. With less on the disk that holds file bytes, uploads are refused."""

# tus
MAX_UPLOAD_METADATA: Final = 4096
"""Characters of what a client says of its upload; they are kept as long as it is not a file."""

# Lists
MAX_LIMIT: Final = 500
"""Records on a page."""
MAX_SEARCH: Final = 256
MAX_FILTERS: Final = 20
"""At a time."""
MAX_FILTER_VALUE: Final = 256
MAX_LOG_FILTER_VALUE: Final = 200
MAX_LIST_COLUMNS: Final = 40
MAX_VIEWS: Final = 50
"""Saved views that one person can have."""
MAX_SHARED_VIEWS: Final = 50
"""Of one list."""
MAX_SAVED_VIEWS: Final = 10_000
"""Of everybody."""
MAX_VIEW_NAME: Final = 60
MAX_VIEW_QUERY: Final = 2_000
MAX_SELECTED: Final = 500
"""Records that one action is for."""
MAX_MESSAGES: Final = 5
"""Different ones of a kind after one request; they are kept in a cookie, which browsers take up to 4 KiB."""

# Jobs
MAX_JOB_IDS: Final = 1_000
"""Records that a job names; more are what a filter finds."""
MAX_OPEN_JOBS: Final = 20
"""Of one person at a time."""
MAX_JOBS: Final = 200
"""That one person starts in a day: what a job does is not counted act by act."""
SMALL_SELECTION: Final = 100
"""So many selected records are done at once; more are a job. What is final asks for their number to be typed."""
JOB_DAYS: Final = 30
"""How long the report of a job is kept."""

# Undo
UNDO_DAYS: Final = 30
"""How long an act can be undone."""

# Requests
MAX_BATCH_FILES: Final = 100
"""Small files that are stored by one request."""
MAX_BATCH_BYTES: Final = 4 * 1024 * 1024
"""Of all of them: they are in memory until the last has come."""
MAX_AGENT: Final = 200
"""Characters kept of what a client says of itself."""
MAX_BOUNDARY: Final = 200
"""RFC 2046 allows 70 characters between the parts of a form; some clients now and then send a few more."""
BACKUP_OLD_DAYS: Final = 7
"""After so many days without a backup the system's page asks for one, unless the site makes them more or less often."""
PROOF_OLD_DAYS: Final = 90
"""After so many days without a restore on trial it asks for one."""
