"""The images that an engine has, and the names that ours go by."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from ansible.module_utils.engine import docker, run

KEYS = ("base", "nginx", "postgres", "python", "api")
# Ends the repository of an image that was built for another machine. Such an image has no other name, so that
# what this machine keeps for its own releases, and what it keeps for others, can be told apart.
FOR_OTHERS = "for-others"
# Ends the repository of an image that was loaded, and that a power cut could still damage.
ARRIVING = "arriving"
# Storage drivers whose engines take an archive that lacks layers which they have. One with containerd's image
# store has another driver, and needs whole archives.
DRIVERS = {"overlay2", "fuse-overlayfs", "btrfs", "zfs", "vfs"}


@dataclass(frozen=True)
class Image:
    """An image that an engine has."""

    id: str
    names: frozenset[str]  # with a tag, or with a digest
    created: str  # as RFC 3339
    layers: tuple[str, ...]  # digests of the uncompressed layers, the lowest first
    driver: str


def parse_image(found: dict[str, Any]) -> Image:
    """Make an Image of what `docker image inspect` says."""
    return Image(
        id=found["Id"],
        names=frozenset((found.get("RepoTags") or []) + (found.get("RepoDigests") or [])),
        created=found.get("Created") or "",
        layers=tuple((found.get("RootFS") or {}).get("Layers") or []),
        driver=(found.get("GraphDriver") or {}).get("Name", ""),
    )


def images() -> list[Image]:
    """Return all images that have a name or are named by an id.

    Raises:
        EngineError: No engine answers.
    """
    ids = sorted(set(docker("image", "ls", "--quiet", "--no-trunc").split()))
    if not ids:
        return []
    # Without those that somebody has removed since, for which it also ends with an error.
    found = run("docker", "image", "inspect", *ids).stdout
    return [parse_image(one) for one in json.loads(found or "[]")]


def names(stock: Iterable[Image]) -> set[str]:
    return {name for image in stock for name in image.names}


def has(ref: str, stock: Iterable[Image]) -> bool:
    """Tell whether an image is there; the engine knows more spellings of a name than the list has."""
    return ref in names(stock) or run("docker", "image", "inspect", ref).returncode == 0


def other(ref: str, purpose: str) -> str:
    """Return the name of one of our images for another purpose: FOR_OTHERS or ARRIVING."""
    repository, _, tag = ref.rpartition(":")
    return f"{repository}-{purpose}:{tag}"


def plain(name: str) -> str:
    """Return the name that an image has in the end, from one that `other` made for ARRIVING."""
    return name.replace(f"-{ARRIVING}:", ":")


def ours(namespace: str, stock: Iterable[Image], purpose: str = "") -> list[str]:
    """Return the names of our images, sorted. Others may use the namespace as well, so the whole name counts.

    Args:
        namespace: First part of their names.
        stock: The images to look at.
        purpose: FOR_OTHERS or ARRIVING; empty for those that containers of this machine run.
    """
    keys = "|".join(KEYS)
    suffix = f"-{purpose}" if purpose else ""
    pattern = re.compile(rf"{re.escape(namespace)}/({keys}){suffix}:[0-9a-f]{{16}}")
    return sorted(name for name in names(stock) if pattern.fullmatch(name))


def chains(layers: Iterable[str]) -> Iterator[str]:
    """Yield for each layer the name, in the OCI image format, of the layer and all layers below it."""
    chain = ""
    for layer in layers:
        chain = "sha256:" + hashlib.sha256(f"{chain} {layer}".encode()).hexdigest() if chain else layer
        yield chain


def layers(stock: Iterable[Image]) -> list[str]:
    """Return the layers that an archive for this engine may leave out, named as `chains` does, sorted."""
    return sorted({chain for image in stock if image.driver in DRIVERS for chain in chains(image.layers)})
