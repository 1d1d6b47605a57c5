"""Archives of images that `docker load` reads, without the layers that the other engine has already."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import tarfile
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from ansible.module_utils.images.stock import chains

# What describes images is smaller than this; what is larger are layers.
SMALL_BYTES = 1024 * 1024


class ArchiveError(Exception):
    """An archive can't be used; the text says why."""


@dataclass(frozen=True)
class Packed:
    """An image in an archive."""

    config: bytes
    members: tuple[str, ...]  # the files of its layers, the lowest first

    @property
    def id(self) -> str:
        return hashlib.sha256(self.config).hexdigest()

    @property
    def layers(self) -> list[str]:
        """Digests of the uncompressed layers, the lowest first."""
        return list(json.loads(self.config)["rootfs"]["diff_ids"])


def parse(archive: tarfile.TarFile) -> dict[str, Packed]:
    """Return the images of an open archive by their names, and read no further than needed."""
    small: dict[str, bytes] = {}
    links: dict[str, str] = {}
    manifest = None
    for member in archive:
        if member.issym():
            # A layer that two images have lies in the folder of one; the other's has a link to it.
            links[member.name] = os.path.normpath(Path(member.name).parent / member.linkname)
        elif member.isfile() and member.size < SMALL_BYTES and (file := archive.extractfile(member)):
            small[member.name] = file.read()
        # Docker writes it behind all layers and links, we before all layers.
        if "manifest.json" in small:
            manifest = json.loads(small["manifest.json"])
            if all(image["Config"] in small for image in manifest):
                break
    if manifest is None:
        raise KeyError("it has no manifest.json")
    found: dict[str, Packed] = {}
    for image in manifest:
        packed = Packed(small[image["Config"]], tuple(links.get(name, name) for name in image["Layers"]))
        found |= dict.fromkeys(image["RepoTags"] or [], packed)
    return found


def read(path: Path) -> dict[str, Packed]:
    """Return the images of an archive by their names.

    Args:
        path: What `docker save` or `write` has written.

    Raises:
        ArchiveError: It is broken, or something else.
    """
    try:
        with tarfile.open(path) as archive:
            return parse(archive)
    except (tarfile.TarError, EOFError, OSError, ValueError, LookupError, TypeError) as error:
        # A list of all that was tried follows the first line.
        reason, _, _ = str(error).partition("\n")
        raise ArchiveError(f"{path} is no archive of images: {reason}") from error


def needed(images: Collection[Packed], present: Collection[str]) -> dict[str, str]:
    """Return the digests of the layers that an engine lacks, by their files in the archive.

    Args:
        images: The images that it is to get.
        present: Names of the layers that it has, as `stock.layers` returns them.
    """
    return {
        member: layer
        for image in images
        for member, layer, chain in zip(image.members, image.layers, chains(image.layers), strict=True)
        if chain not in present
    }


def add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    info = tarfile.TarInfo(name)
    info.size = len(content)
    archive.addfile(info, io.BytesIO(content))


def layer_file(digest: str) -> str:
    return digest.partition(":")[2] + ".tar"


def write(source: Path, target: Path, images: Mapping[str, Packed], present: Collection[str]) -> None:
    """Write an archive of images, each layer once, which appears whole under its name.

    Args:
        source: The archive that they are taken from.
        target: The archive to write, in a folder that exists.
        images: The images, by the names that they are to have.
        present: Names of the layers to leave out.

    Raises:
        ArchiveError: The source lacks a layer, or is broken.
        OSError: The archive can't be written.
    """
    wanted = needed(images.values(), present)
    manifest = [
        {
            "Config": f"{image.id}.json",
            "RepoTags": [name],
            "Layers": [layer_file(layer) for layer in image.layers],
        }
        for name, image in images.items()
    ]
    partial = target.with_name(f".{target.name}.{os.getpid()}")
    with partial.open("wb") as file:
        # The lowest level: time is worth more than the last tenth.
        with (
            gzip.GzipFile("", "wb", compresslevel=1, fileobj=file, mtime=0) as compressed,
            tarfile.open(fileobj=compressed, mode="w|", format=tarfile.PAX_FORMAT) as archive,
        ):
            add(archive, "manifest.json", json.dumps(manifest).encode())
            for image in {image.id: image for image in images.values()}.values():
                add(archive, f"{image.id}.json", image.config)
            copy_layers(source, archive, wanted)
        file.flush()
        os.fsync(file.fileno())
    partial.rename(target)


def copy_layers(source: Path, archive: tarfile.TarFile, wanted: Mapping[str, str]) -> None:
    """Copy layers from one archive to another.

    Args:
        source: The archive that has them.
        archive: The archive that gets them.
        wanted: Digests of the layers by their files in the source.

    Raises:
        ArchiveError: The source lacks one, or is broken.
    """
    left = set(wanted.values())
    try:
        with tarfile.open(source, "r|*") as layers:
            for member in layers:
                layer = wanted.get(member.name)
                if layer in left:
                    info = tarfile.TarInfo(layer_file(layer))
                    info.size = member.size
                    archive.addfile(info, layers.extractfile(member))
                    left.remove(layer)
    except (tarfile.TarError, EOFError) as error:
        raise ArchiveError(f"{source} is no whole archive of images: {error}") from error
    if left:
        raise ArchiveError(f"{source} lacks {len(left)} layers of its images")
