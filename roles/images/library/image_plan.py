#!/usr/bin/python
"""Find out which images an engine lacks."""

from __future__ import annotations

DOCUMENTATION = r"""
module: image_plan
short_description: Find out which images an engine lacks, and how it gets them
description:
  - Asks the engine of the machine that it runs on, and changes nothing.
  - An image that was built here for another machine counts as well, under the name that it has.
options:
  images:
    description: What each image is made from, as the lookup P(image_recipes#lookup) describes it.
    type: list
    elements: dict
    required: true
  wanted:
    description: Keys of the images that are needed in the end.
    type: list
    elements: str
    required: true
  namespace:
    description: First part of the names of our images.
    type: str
    required: true
  machine:
    description: >-
      Architecture of the machine that will run the images. It fails if the engine is for another one.
    type: str
  for_others:
    description: Whether the images are for other machines.
    type: bool
    default: false
attributes:
  check_mode:
    support: full
    details: >-
      A machine without an engine has no images in check mode, as an engine may still have to be installed.
author: the maintainers
"""

RETURN = r"""
lacking:
  description: Keys of the wanted images that are not there under their own names.
  type: list
  elements: str
  returned: success
steps:
  description: >-
    What to do to get them, in this order. C(key) and C(name) say which image, and then one of C(pull),
    C(same_as), or C(context) with C(base) and C(args) how. The base image has none of them.
  type: list
  elements: dict
  returned: success
names:
  description: Names that the wanted images have here after those steps, by their keys.
  type: dict
  returned: success
ours:
  description: Names of all images of ours that containers of this machine may run.
  type: list
  elements: str
  returned: success
layers:
  description: Layers that an archive for this engine may leave out.
  type: list
  elements: str
  returned: success
"""

EXAMPLES = r"""
- name: Ask Docker which images the host lacks
  image_plan:
    images: "{{ recipes }}"
    wanted: [nginx, postgres, api]
    namespace: django
"""

from dataclasses import asdict  # noqa: E402 - Ansible reads the documentation above first
from functools import partial  # noqa: E402

from ansible.module_utils.basic import AnsibleModule  # noqa: E402
from ansible.module_utils.engine import EngineError, docker, has_engine  # noqa: E402
from ansible.module_utils.images import stock  # noqa: E402
from ansible.module_utils.images.plan import plan  # noqa: E402

# Docker's names of architectures, by the kernel's.
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


def refuse_architecture(machine: str) -> None:
    """Make sure that the engine is for this kind of machine.

    Raises:
        EngineError: It is for another kind.
    """
    engine = docker("version", "--format", "{{ .Server.Arch }}").strip()
    if engine != ARCHITECTURES[machine]:
        raise EngineError(f"The engine is for {engine}, and the images are for {ARCHITECTURES[machine]}.")


def main() -> None:
    """Run as an Ansible module."""
    module = AnsibleModule(
        argument_spec={
            "images": {"type": "list", "elements": "dict", "required": True},
            "wanted": {"type": "list", "elements": "str", "required": True},
            "namespace": {"type": "str", "required": True},
            "machine": {"type": "str"},
            "for_others": {"type": "bool", "default": False},
        },
        supports_check_mode=True,
    )
    recipes, wanted = module.params["images"], module.params["wanted"]
    there: list[stock.Image] = []
    try:
        if has_engine():
            if module.params["machine"]:
                refuse_architecture(module.params["machine"])
            there = stock.images()
        elif not module.check_mode:
            module.fail_json(msg="No Docker Engine answers: docker version says why.")
    except EngineError as error:
        module.fail_json(msg=str(error))
    is_there = partial(stock.has, stock=there) if there else lambda _name: False
    planned = plan(recipes, wanted, is_there, for_others=module.params["for_others"])
    refs = {recipe["key"]: recipe["ref"] for recipe in recipes}
    module.exit_json(
        changed=False,
        lacking=[key for key in wanted if not is_there(refs[key])],
        steps=[asdict(step) for step in planned.steps],
        names=planned.names,
        ours=stock.ours(module.params["namespace"], there),
        layers=stock.layers(there),
    )


if __name__ == "__main__":
    main()
