#!/usr/bin/python
"""Pack images into one archive for another machine."""

from __future__ import annotations

DOCUMENTATION = r"""
module: image_archive
short_description: Pack images into one archive for another machine
description:
  - Takes images from the engine of the machine that it runs on, or from another archive, and leaves out the
    layers that the other machine has. A layer that several images have is there once.
  - The archive is for M(load_images). It is named by what is in it, and made only if it isn't there.
  - Reports no change, as the archive is a cache.
options:
  refs:
    description: Names that the images are to have in the end.
    type: list
    elements: str
    required: true
  names:
    description: Names that the engine has them under, by those of O(refs), where they differ.
    type: dict
    default: {}
  source:
    description: Archive that this module has made, to take the images from instead of asking the engine.
    type: path
  present:
    description: Layers that the other machine has, as M(image_plan) returns them.
    type: list
    elements: str
    default: []
  dest:
    description: Folder for the archive. Archives that no run has needed for a day are removed from there.
    type: path
    required: true
attributes:
  check_mode:
    support: full
    details: Nothing is written. It still fails if there is an image missing.
author: the maintainers
"""

RETURN = r"""
path:
  description: The archive.
  type: str
  returned: success
"""

EXAMPLES = r"""
- name: Pack an image that was built for another machine
  image_archive:
    refs: ["web/api:1"]
    names: {"web/api:1": "web/api-for-others:1"}
    dest: /home/me/cache
"""

import hashlib  # noqa: E402 - Ansible reads the documentation above first
import json  # noqa: E402
import os  # noqa: E402
import shutil  # noqa: E402
import tempfile  # noqa: E402
import time  # noqa: E402
from collections.abc import Collection, Mapping  # noqa: E402
from contextlib import suppress  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

from ansible.module_utils.basic import AnsibleModule  # noqa: E402
from ansible.module_utils.engine import EngineError, docker  # noqa: E402
from ansible.module_utils.images import stock  # noqa: E402
from ansible.module_utils.images.archive import ArchiveError, read, write  # noqa: E402

MAX_AGE_SECONDS = 24 * 3600


def file_name(images: Mapping[str, tuple[str, list[str]]], present: Collection[str]) -> str:
    """Return the name of the archive that has these images without these layers.

    Args:
        images: Id and layers of each image, by its name.
        present: Names of layers, of which only those that the images have count.
    """
    left_out = {chain for _, layers in images.values() for chain in stock.chains(layers)} & set(present)
    content = [sorted((name, identity) for name, (identity, _) in images.items()), sorted(left_out)]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:16] + ".tar.gz"


def pack_from_engine(names: Mapping[str, str], present: Collection[str], dest: Path, *, dry: bool) -> Path:
    """Pack images that the engine has.

    Args:
        names: Names of the images here, by their names in the archive.
        present: Layers to leave out.
        dest: Folder of the archive.
        dry: Whether to write nothing.

    Raises:
        EngineError: An image is missing, or the engine fails.
        ArchiveError: The engine writes an archive that can't be understood.
        OSError: The archive can't be written.
    """
    found = [stock.parse_image(one) for one in json.loads(docker("image", "inspect", *names.values()))]
    images = {name: (image.id, list(image.layers)) for name, image in zip(names, found, strict=True)}
    path = dest / file_name(images, present)
    if not path.exists() and not dry:
        with tempfile.TemporaryDirectory(dir=dest) as folder:
            saved = Path(folder) / "saved.tar"
            docker("save", "--output", str(saved), *names.values(), limit=None)
            packed = read(saved)
            write(saved, path, {name: packed[here] for name, here in names.items()}, present)
    return path


def pack_from_archive(
    names: Collection[str], present: Collection[str], source: Path, dest: Path, *, dry: bool
) -> Path:
    """Pack images that another archive has.

    Args:
        names: Names of the images in both archives.
        present: Layers to leave out.
        source: The other archive.
        dest: Folder of the archive.
        dry: Whether to write nothing.

    Returns:
        The archive; the other one if it has just what is needed.

    Raises:
        ArchiveError: The other one has not all the images, or is broken.
        OSError: The archive can't be written.
    """
    packed = read(source)
    if lacking := sorted(set(names) - set(packed)):
        raise ArchiveError(", ".join(stock.plain(name) for name in lacking) + f" is not in {source}")
    wanted = {name: packed[name] for name in names}
    images = {name: (image.id, image.layers) for name, image in wanted.items()}
    path = dest / file_name(images, present)
    if path.name == file_name({name: (image.id, image.layers) for name, image in packed.items()}, []):
        return source
    if not path.exists() and not dry:
        write(source, path, wanted, present)
    return path


def drop_old(folder: Path) -> None:
    """Remove archives that no run can be using any more."""
    for path in folder.iterdir():
        with suppress(FileNotFoundError):
            if path.stat().st_mtime >= time.time() - MAX_AGE_SECONDS:
                continue
            # A killed run leaves the folder in which it has saved images.
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()


def pack(params: Mapping[str, Any], *, dry: bool) -> Path:
    """Pack what the module is asked for."""
    dest, present = Path(params["dest"]), params["present"]
    names = {stock.other(ref, stock.ARRIVING): params["names"].get(ref, ref) for ref in params["refs"]}
    if not dry:
        dest.mkdir(parents=True, exist_ok=True)
    if params["source"]:
        path = pack_from_archive(names, present, Path(params["source"]), dest, dry=dry)
    else:
        path = pack_from_engine(names, present, dest, dry=dry)
    if not dry:
        # Its age tells whether somebody needs the archive.
        os.utime(path)
        drop_old(dest)
    return path


def main() -> None:
    """Run as an Ansible module."""
    module = AnsibleModule(
        argument_spec={
            "refs": {"type": "list", "elements": "str", "required": True},
            "names": {"type": "dict", "default": {}},
            "source": {"type": "path"},
            "present": {"type": "list", "elements": "str", "default": []},
            "dest": {"type": "path", "required": True},
        },
        supports_check_mode=True,
    )
    try:
        path = pack(module.params, dry=module.check_mode)
    except (ArchiveError, EngineError) as error:
        module.fail_json(msg=str(error))
    except OSError as error:
        module.fail_json(msg=f"{error.filename} can't be written: {error.strerror}")
    module.exit_json(changed=False, path=str(path))


if __name__ == "__main__":
    main()
