#!/usr/bin/python
"""Make a host serve a release of the stack, without losing a request."""

from __future__ import annotations

DOCUMENTATION = r"""
module: rollout
short_description: Make a host serve a release of the stack, without losing a request
description:
  - A release is a Compose file, nginx's configuration and what is said about both. Its name is their hash.
  - A new API container starts beside the old one, in the free one of two slots (fixed addresses). Once it is
    ready, one file switches nginx to it, without a reload. The old one is closed to new connections, drained
    and stopped.
  - A release that fails is removed again; the one before keeps serving.
  - Roles and privileges of the database are put in place before a release needs them.
  - A rotation of secrets that has begun is finished. The API is replaced if it was started with others.
  - What is to do is read off the host, so a run that was killed is finished by the next.
  - In check mode, and on a host without an engine, says what would be done.
options:
  project_dir:
    description: Folder on the host with the releases and nginx's configuration.
    type: path
    required: true
  compose:
    description: The Compose file. Without it a kept release is rolled back to.
    type: str
  nginx_conf:
    description: nginx's configuration.
    type: str
  settings:
    description: What the rollout has to know of the release, beside its files.
    type: dict
    suboptions:
      project:
        description: Name of the Compose project.
        type: str
        required: true
      images:
        description: Images that the release runs.
        type: list
        elements: str
        required: true
      built_from:
        description: Images that these stand on, kept as long as the release is.
        type: list
        elements: str
        required: true
      nginx_image:
        description: Image of nginx.
        type: str
        required: true
      nginx_dir:
        description: Folder that nginx has its configuration in, in its container.
        type: str
        required: true
      slots:
        description: The two addresses that an API container can have, V(blue) and V(green).
        type: dict
        required: true
      api_port:
        description: Port that the API listens on.
        type: int
        required: true
      api_user:
        description: User and group of C(manage.py), by their numbers.
        type: str
        required: true
      host:
        description: Name that the API is asked by.
        type: str
        required: true
      http_port:
        description: Port of the host that is published.
        type: int
        required: true
      ready_path:
        description: Page that answers 200 as soon as the API can answer all others.
        type: str
        required: true
      smoke_path:
        description:
          - Page that answers 200 when the release is a good one, asked of the new container and through the
            published port. If it is empty, a good release may give any answer to V(/) that is no failure of a
            server's.
        type: str
        required: true
      migration_check:
        description: Arguments of C(manage.py) to check migrations by; empty for no check.
        type: str
        required: true
      migrate_command:
        description: What applies migrations, in a container of its own; empty if the API container does.
        type: str
        required: true
      manage_commands:
        description: Arguments of C(manage.py) to run it with before the release gets requests.
        type: list
        elements: str
        required: true
      command_secrets:
        description: Secrets that commands of C(manage.py) read from standard input, by name of the command.
        type: dict
        required: true
  secrets:
    description: The secrets that there are, as O(secret_files#module:secrets) has them.
    type: list
    elements: dict
    required: true
  release:
    description: The kept release to serve; V(current) for the one that is served, empty for the one before.
    type: str
    default: ""
  allow_destructive_migrations:
    description: Don't run the check of migrations.
    type: bool
    default: false
  keep:
    description: How many releases stay on the host.
    type: int
    default: 5
  start_timeout:
    description: Seconds until a container that isn't ready counts as failed.
    type: int
    default: 75
  migration_timeout:
    description: Seconds that the migrations of a release are given.
    type: int
    default: 600
  drain_timeout:
    description: Seconds that requests in flight on the old container are given before it is told to stop.
    type: int
    default: 75
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
author: the maintainers
"""

RETURN = r"""
release:
  description: Name of the release.
  type: str
  returned: always
steps:
  description: What was done, or would be.
  type: list
  elements: str
  returned: always
interruptions:
  description: Services that can't be replaced without a moment of silence, and that this release replaces.
  type: list
  elements: str
  returned: always
replaced:
  description: Names of the secrets of which the former ones are refused from now on.
  type: list
  elements: str
  returned: always
kept_images:
  description: Images of the releases that are kept.
  type: list
  elements: str
  returned: always
"""

EXAMPLES = r"""
- name: Roll back to the release before
  rollout:
    project_dir: /srv/django/stack
    secrets: "{{ secrets }}"
"""

from pathlib import Path  # noqa: E402 - Ansible reads the documentation above first
from typing import Any  # noqa: E402

from ansible.module_utils.basic import AnsibleModule  # noqa: E402
from ansible.module_utils.engine import has_engine  # noqa: E402
from ansible.module_utils.stack.alone import alone  # noqa: E402
from ansible.module_utils.stack.errors import FAILURES, RolloutError  # noqa: E402
from ansible.module_utils.stack.host import Host  # noqa: E402
from ansible.module_utils.stack.plan import read_plan  # noqa: E402
from ansible.module_utils.stack.probe import Health  # noqa: E402
from ansible.module_utils.stack.releases import Release, Store  # noqa: E402
from ansible.module_utils.stack.rollback import choose  # noqa: E402
from ansible.module_utils.stack.rollout import Options, Rollout  # noqa: E402
from ansible.module_utils.stack.secrets import TABLE, Secrets  # noqa: E402
from ansible.module_utils.stack.settings import Settings, arguments  # noqa: E402


def wanted_release(store: Store, secrets: Secrets, params: dict[str, Any]) -> Release:
    """Return the release that is to be served: one that is given, or one that is kept."""
    if params["compose"]:
        return Release.make(params["compose"], params["nginx_conf"], Settings.read(params["settings"]))
    return choose(store, secrets, params["release"])


def options(release: Release, params: dict[str, Any]) -> Options:
    """Return how a release is rolled out."""
    # A release that is rolled back to brings no migrations, and its commands ran when it was deployed.
    is_new = bool(params["compose"])
    is_checked = is_new and not params["allow_destructive_migrations"]
    return Options(
        drain_timeout=params["drain_timeout"],
        migration_timeout=params["migration_timeout"],
        migration_check=release.settings.migration_check if is_checked else "",
        migrates=is_new,
        manage_commands=release.settings.manage_commands if is_new else [],
    )


def rollout(params: dict[str, Any], *, dry: bool) -> dict[str, Any]:
    """Make the host serve the release, or say what would be done.

    Raises:
        RolloutError, EngineError, OSError: It can't be done.
    """
    store = Store(Path(params["project_dir"]), params["keep"])
    secrets = Secrets(store.folder / "secrets", params["secrets"])
    release = wanted_release(store, secrets, params)
    result = {
        "release": release.name,
        "interruptions": [],
        "replaced": [],
        "kept_images": [],
        "diff": store.differences(release),
    }
    if dry and not has_engine():
        return result | {"steps": ["deploy to a bare host"], "changed": True}
    host = Host(store, release, secrets, params["start_timeout"])
    health = Health(release.settings, params["start_timeout"])
    plan = read_plan(host, health)
    steps = plan.steps()
    replaced: list[str] = []
    if not dry and steps:
        store.add(release, host.check_files)
        work = Rollout(host, health, options(release, params))
        work.deploy(plan)
        steps, replaced = work.done or steps, work.replaced
    elif not steps and (wrong := health.smoke_port()):
        raise RolloutError(f"all containers are as they should be, but {wrong}")
    return result | {
        "steps": steps,
        "interruptions": plan.interruptions(),
        "replaced": replaced,
        "kept_images": store.images(),
        "changed": bool(steps),
    }


def main() -> None:
    """Run as an Ansible module."""
    module = AnsibleModule(
        argument_spec={
            "project_dir": {"type": "path", "required": True},
            "compose": {"type": "str"},
            "nginx_conf": {"type": "str"},
            "settings": {"type": "dict", "options": arguments()},
            "secrets": TABLE,
            "release": {"type": "str", "default": ""},
            "allow_destructive_migrations": {"type": "bool", "default": False},
            "keep": {"type": "int", "default": 5},
            "start_timeout": {"type": "int", "default": 75},
            "migration_timeout": {"type": "int", "default": 600},
            "drain_timeout": {"type": "int", "default": 75},
        },
        required_together=[("compose", "nginx_conf", "settings")],
        supports_check_mode=True,
    )
    try:
        if module.check_mode:
            result = rollout(module.params, dry=True)
        else:
            with alone(Path(module.params["project_dir"])):
                result = rollout(module.params, dry=False)
    except FAILURES as error:
        module.fail_json(msg=str(error))
    module.exit_json(**result)


if __name__ == "__main__":
    main()
