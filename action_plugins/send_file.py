"""Send a large file to a host in parts, so that a run that was killed is gone on with."""

from __future__ import annotations

import hashlib
import shlex
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

DOCUMENTATION = r"""
module: send_file
short_description: Send a large file to a host, show how far it is, and go on where a killed run has stopped
description:
  - The file has its name on the host only when all of it has arrived and its checksum is right. Until then,
    what has arrived lies beside it under a name with the checksum, and only what is missing is sent.
  - Each part goes through the standard input of a command on the host, as modules do. So it works over each
    connection that modules work over, and with C(become).
options:
  src:
    description: The file on the controller.
    type: path
    required: true
  dest:
    description: The file on the host. Missing folders are made, for its owner alone.
    type: path
    required: true
  what:
    description: What the file is, for the lines that say how far it is.
    type: str
    required: true
attributes:
  check_mode:
    support: full
author: the maintainers
"""

EXAMPLES = r"""
- name: Send the images
  send_file:
    src: /home/me/cache/images.tar.gz
    dest: /srv/web/images.tar.gz
    what: the images
"""

PART_BYTES = 16 * 1024 * 1024

# What each script for the host begins with. One process at a time works in the folder of the file $1, as one
# that a killed run has left may still be sending.
BEGINNING = """
umask 077
folder=$(dirname "$1")
mkdir -p "$folder"
exec 9<"$folder"
flock 9
digest() {
    { sha256sum < "$1"; } 2>/dev/null
}
"""
# $1 is the file, $2 what has arrived of it, $3 the checksum.
ARRIVED = """
if [ "$(digest "$1")" = "$3  -" ]; then
    echo whole
else
    touch "$2"
    stat --format=%s "$2"
fi
"""
FINISH = """
if [ "$(digest "$2")" = "$3  -" ]; then
    mv "$2" "$1"
else
    rm -f "$2"
    [ "$(digest "$1")" = "$3  -" ] || echo differs
fi
"""
# $1 is what has arrived, $2 where the part begins that comes through the standard input.
APPEND = """
touch "$1"
if [ "$(stat --format=%s "$1")" -eq "$2" ]; then
    cat >> "$1"
else
    cat >/dev/null
fi
stat --format=%s "$1"
"""


def tell(what: str, sent: int, size: int) -> None:
    """Print how far it is, in millions of bytes."""
    Display().display(f"Sending {what}: {sent / 1e6:.1f} of {size / 1e6:.1f} MB")


class ActionModule(ActionBase):  # type: ignore[misc] # ansible ships no types
    """Send a file."""

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        super().run(tmp, task_vars)
        required = {"required": True}
        _, options = self.validate_argument_spec(
            {
                "src": {"type": "path"} | required,
                "dest": {"type": "path"} | required,
                "what": {"type": "str"} | required,
            }
        )
        if self._task.check_mode:
            return {"changed": True}
        what = f"{options['what']} to {(task_vars or {}).get('inventory_hostname')}"
        return {"changed": self.send(Path(options["src"]), options["dest"], what)}

    def send(self, source: Path, dest: str, what: str) -> bool:
        """Send what the host lacks of a file, and tell whether that was anything.

        Args:
            source: The file on the controller.
            dest: The file on the host.
            what: What is sent to whom.

        Raises:
            AnsibleActionFail: The file can't be read, or the host can't keep it.
        """
        try:
            with source.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
                size = file.seek(0, 2)
                partial = f"{dest}.{digest[:16]}.partial"
                offset = self.arrived(dest, partial, digest)
                if offset is None:
                    return False
                tell(what, offset, size)
                while offset < size:
                    file.seek(offset)
                    offset = self.append(partial, offset, file.read(PART_BYTES))
                    tell(what, offset, size)
        except OSError as error:
            raise AnsibleActionFail(f"{source} can't be read: {error.strerror}") from error
        self.finish(dest, partial, digest)
        return True

    def arrived(self, dest: str, partial: str, digest: str) -> int | None:
        """Ask how many bytes the host has of a file; none if it has the file."""
        said = self.on_host(ARRIVED, dest, partial, digest).strip()
        return None if said == "whole" else int(said)

    def append(self, partial: str, offset: int, part: bytes) -> int:
        """Append a part to what has arrived, if that ends where the part begins; return where it ends now.

        It ends elsewhere if a connection broke that had sent some of the part, or if a run that was killed
        has left a process which still sends. What these have sent is as good.
        """
        return int(self.on_host(APPEND, partial, str(offset), data=part))

    def finish(self, dest: str, partial: str, digest: str) -> None:
        """Give the file its name, if it is what was to be sent."""
        if "differs" in self.on_host(FINISH, dest, partial, digest):
            raise AnsibleActionFail(f"{dest} did not arrive as it was sent: run this again")

    def on_host(self, script: str, *args: str, data: bytes | None = None) -> str:
        """Return what a shell script prints on the host.

        Args:
            script: What comes after the beginning; its arguments are $1 and so on.
            args: The arguments.
            data: What it reads from its standard input.

        Raises:
            AnsibleActionFail: It ends with an error.
        """
        command = shlex.join(["sh", "-euc", BEGINNING + script, "sh", *args])
        result = self._low_level_execute_command(command, in_data=data)
        if result["rc"]:
            said = (result["stderr"] or result["stdout"]).strip()
            raise AnsibleActionFail(f"The file can't be kept on the host: {said}")
        return str(result["stdout"])
