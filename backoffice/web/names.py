"""Names of records in lists, and what kind of file a type is."""

from __future__ import annotations

import re
from typing import Final

from markupsafe import Markup

from backoffice.web.formats import remembered

_NAME: Final = Markup("<bdi>%s</bdi>")
_LONG_NAME: Final = Markup('<bdi class="name" title="%s"><span>%s</span><span>%s</span></bdi>')
_WITH_ICON: Final = Markup('<svg class="icon" aria-hidden="true"><use href="#i-%s"/></svg>%s')
_LONG: Final = 28
"""Characters that the narrowest column of names has room for."""
_END: Final = re.compile(r"[!-~ ]{0,6}\.[A-Za-z0-9]{1,8}\Z")
"""What is kept of a name that is cut: its suffix and what stands before it. Of ASCII alone, which joins with nothing
and does not turn round."""

_OFFICE: Final = "vnd.openxmlformats-officedocument."
_KINDS: Final = {
    "application/pdf": ("text", "PDF"),
    "application/json": ("text", "JSON"),
    "application/xml": ("text", "XML"),
    "application/zip": ("archive", "ZIP archive"),
    "application/gzip": ("archive", "Gzip archive"),
    "application/x-tar": ("archive", "Tar archive"),
    "application/x-7z-compressed": ("archive", "7-Zip archive"),
    "application/vnd.rar": ("archive", "RAR archive"),
    "application/x-iso9660-image": ("archive", "Disk image"),
    "application/msword": ("text", "Word document"),
    "application/vnd.ms-excel": ("sheet", "Excel workbook"),
    "application/vnd.ms-powerpoint": ("image", "PowerPoint slides"),
    f"application/{_OFFICE}wordprocessingml.document": ("text", "Word document"),
    f"application/{_OFFICE}spreadsheetml.sheet": ("sheet", "Excel workbook"),
    f"application/{_OFFICE}presentationml.presentation": ("image", "PowerPoint slides"),
    "application/vnd.oasis.opendocument.text": ("text", "Text document"),
    "application/vnd.oasis.opendocument.spreadsheet": ("sheet", "Spreadsheet"),
    "application/vnd.oasis.opendocument.presentation": ("image", "Slides"),
    "application/octet-stream": ("files", "File"),
    "text/plain": ("text", "Text"),
    "text/csv": ("sheet", "CSV table"),
    "text/html": ("text", "HTML page"),
    "text/markdown": ("text", "Markdown"),
    "image/jpeg": ("image", "JPEG image"),
    "image/png": ("image", "PNG image"),
    "image/svg+xml": ("image", "SVG image"),
    "audio/mpeg": ("audio", "MP3 audio"),
    "video/mp4": ("video", "MP4 video"),
}
_FAMILIES: Final = {"image": "image", "audio": "audio", "video": "video", "text": "text"}


def kind_of(mime_type: str) -> tuple[str, str]:
    """Icon and words for a MIME type: `("sheet", "Excel workbook")`. Of one that is not known, the end of its name."""
    known = _KINDS.get(mime_type)
    if known is not None:
        return known
    family, _, rest = mime_type.partition("/")
    short = rest.rpartition(".")[2].removeprefix("x-").partition("+")[0].replace("-", " ")
    if family in _FAMILIES:
        return _FAMILIES[family], f"{short.upper()} {family}" if len(short) < 6 else f"{short} {family}"
    return "files", short or mime_type


@remembered
def name_tag(name: str) -> Markup:
    """A name, apart from the direction of what is around it. A long one is cut before its end by the style sheet."""
    end = _END.search(name) if len(name) > _LONG else None
    return _NAME % name if end is None else _LONG_NAME % (name, name[: end.start()], end[0])


@remembered
def name_with_icon(name: str, icon: str) -> Markup:
    """Likewise, after the drawing of what it is."""
    return _WITH_ICON % (icon, name_tag(name))
