"""Uploaded posters: what is accepted, and under which name it is kept."""

from __future__ import annotations  # UploadedFile is generic for mypy alone

from typing import Any
from uuid import uuid4

from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile
from PIL import Image

MAX_BYTES = 5 * 1024 * 1024
# What every browser shows, by Pillow's name for it.
EXTENSIONS = {"JPEG": "jpg", "PNG": "png", "WEBP": "webp"}


def validate_poster(upload: UploadedFile[bytes]) -> None:
    """For form and serializer fields, which have made sure that it is an image at all."""
    size = upload.size or 0
    if size > MAX_BYTES:
        raise ValidationError(
            f"The image has {size} bytes, at most {MAX_BYTES} are allowed: make it smaller."
        )
    image_format = _image_format(upload)
    if image_format not in EXTENSIONS:
        raise ValidationError(
            f"The image is of type {image_format}: upload one of type {', '.join(EXTENSIONS)}."
        )


def poster_path(film: Any, _client_name: str) -> str:
    """A name of our own, its ending taken from the content: nothing a client wrote becomes a path."""
    return f"posters/{uuid4().hex}.{EXTENSIONS[_image_format(film.poster.file)]}"


def _image_format(upload: UploadedFile[bytes]) -> str:
    upload.seek(0)
    image_format = Image.open(upload).format or "unknown"
    upload.seek(0)
    return image_format
