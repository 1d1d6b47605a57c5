"""Uploaded posters: what is accepted, and under which name it is kept."""

from __future__ import annotations  # UploadedFile is generic for mypy alone

import re
import struct
from typing import Any
from uuid import uuid4

from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile
from PIL import Image

MAX_BYTES = 5 * 1024 * 1024
# A small file may unfold to gigabytes in the browser that shows it. This is 64 MB.
MAX_PIXELS = 4096 * 4096
# What every browser shows, by Pillow's name for it.
EXTENSIONS = {"JPEG": "jpg", "PNG": "png", "WEBP": "webp"}

# Within a JPEG's pixels, 0xff is followed by zero or one of the marks that may come at any place.
JPEG_MARKER = re.compile(rb"\xff(?![\x00\xd0-\xd7\xff])")
JPEG_END = 0xD9


def validate_poster(upload: UploadedFile[bytes]) -> None:
    """For form and serializer fields, which have made sure that it is an image at all."""
    size = upload.size or 0
    if size > MAX_BYTES:
        raise ValidationError(
            f"The image has {size} bytes, at most {MAX_BYTES} are allowed: make it smaller."
        )
    image = _open(upload)
    if image.format not in EXTENSIONS:
        raise ValidationError(
            f"The image is of type {image.format}: upload one of type {', '.join(EXTENSIONS)}."
        )
    if image.width * image.height > MAX_PIXELS:
        raise ValidationError(
            f"The image has {image.width} x {image.height} pixels, at most {MAX_PIXELS} are allowed: scale it"
            " down."
        )
    if getattr(image, "is_animated", False):
        raise ValidationError("The image is animated: upload a still one.")
    if _end(image.format, _content(upload)) != size:
        raise ValidationError("The file goes on after the image, or ends within it: save the image anew.")


def poster_path(film: Any, _client_name: str) -> str:
    """A name of our own, its ending taken from the content: nothing a client wrote becomes a path."""
    return f"posters/{uuid4().hex}.{EXTENSIONS[_open(film.poster.file).format or '']}"


def _open(upload: UploadedFile[bytes]) -> Image.Image:
    upload.seek(0)
    image = Image.open(upload)
    upload.seek(0)
    return image


def _content(upload: UploadedFile[bytes]) -> bytes:
    content: bytes = upload.read()
    upload.seek(0)
    return content


def _end(image_format: str, content: bytes) -> int:
    """Return where the image ends: a file that is a page or an archive as well has that behind it."""
    try:
        return {"JPEG": _jpeg_end, "PNG": _png_end, "WEBP": _webp_end}[image_format](content)
    except (struct.error, IndexError):
        return -1


def _jpeg_end(content: bytes) -> int:
    position = 2
    while found := JPEG_MARKER.search(content, position):
        position = found.start() + 2
        if content[position - 1] == JPEG_END:
            return position
        position += struct.unpack_from(">H", content, position)[0]
    return -1


def _png_end(content: bytes) -> int:
    position, kind = 8, b""
    while kind != b"IEND":
        length, kind = struct.unpack_from(">I4s", content, position)
        position += 12 + length
    return position


def _webp_end(content: bytes) -> int:
    return 8 + int(struct.unpack_from("<I", content, 4)[0])
