"""Pictures, and how a browser uploads them."""

from __future__ import annotations

import os
import struct
import zlib

BOUNDARY = "a-boundary"
# PNG's numbers of what a pixel is made of.
GREY, RGB = 0, 2


def png(
    width: int = 1,
    height: int = 1,
    *,
    kind: int = GREY,
    rows: bytes = bytes(2),
    comment: int = 0,
    level: int = 6,
) -> bytes:
    """Return a picture as PNG.

    Args:
        width: Its pixels from left to right.
        height: Its pixels from top to bottom.
        kind: GREY or RGB, each value a byte.
        rows: Its pixels, with a zero before each row; by default a black one, whatever its size is.
        comment: Bytes that mean nothing, to make the file larger.
        level: How hard to compress.
    """

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", width, height, 8, kind, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(rows, level)), (b"IEND", b"")]
    if comment:
        chunks.insert(1, (b"prVt", bytes(comment)))
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(name, data) for name, data in chunks)


def noise(side: int = 1300) -> bytes:
    """Return a picture that does not get smaller by compression, by default one of 5 MB."""
    rows = b"".join(b"\0" + os.urandom(3 * side) for _ in range(side))
    return png(side, side, kind=RGB, rows=rows, level=0)


def form(picture: bytes, name: str = "a.png") -> tuple[dict[str, str], bytes]:
    """Return the headers and the body that upload a film's poster."""
    part = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="poster"; filename="{name}"\r\n'
    body = f"{part}Content-Type: image/png\r\n\r\n".encode() + picture + f"\r\n--{BOUNDARY}--\r\n".encode()
    return {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}, body
