#!/usr/bin/python
"""Load images from an archive."""

from __future__ import annotations

DOCUMENTATION = r"""
module: load_images
short_description: Load images from an archive that was sent
description:
  - Reads what M(image_archive) has packed. An image gets its name only when it can't be lost by a power cut
    any more, so an image that has its name is whole.
options:
  path:
    description: The archive.
    type: path
    required: true
  refs:
    description: Names of the images.
    type: list
    elements: str
    required: true
  namespace:
    description: First part of the names of our images.
    type: str
    required: true
attributes:
  check_mode:
    support: none
author: the maintainers
"""

EXAMPLES = r"""
- name: Load images
  load_images:
    path: /srv/web/images.tar.gz
    refs: ["web/api:1"]
    namespace: web
"""

import os  # noqa: E402 - Ansible reads the documentation above first

from ansible.module_utils.basic import AnsibleModule  # noqa: E402
from ansible.module_utils.engine import EngineError, docker  # noqa: E402
from ansible.module_utils.images import stock  # noqa: E402


def load(path: str, refs: list[str], namespace: str) -> None:
    """Load images, and give them their names.

    Raises:
        EngineError: The archive is broken, or lacks an image or a layer.
    """
    # What a power cut has damaged would be taken for layers that are there.
    if leftovers := stock.ours(namespace, stock.images(), stock.ARRIVING):
        docker("image", "rm", *leftovers)
    docker("load", "--quiet", "--input", path, limit=None)
    # Docker flushes what it notes of an image, not its files.
    os.sync()
    arrived = {ref: stock.other(ref, stock.ARRIVING) for ref in refs}
    for ref, name in arrived.items():
        docker("tag", name, ref)
    docker("image", "rm", *arrived.values())


def main() -> None:
    """Run as an Ansible module."""
    module = AnsibleModule(
        argument_spec={
            "path": {"type": "path", "required": True},
            "refs": {"type": "list", "elements": "str", "required": True},
            "namespace": {"type": "str", "required": True},
        },
    )
    try:
        load(**module.params)
    except EngineError as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=True)


if __name__ == "__main__":
    main()
