"""nginx's folder on the host: the configuration that it was given, and the slot that it sends requests to."""

from __future__ import annotations

import hashlib
from pathlib import Path

from ansible.module_utils.engine import docker
from ansible.module_utils.files import read, sync, write

from .containers import Container


def flag(folder: Path) -> Path:
    """Return the file that nginx looks for at each request: if it is there, requests go to green.

    Args:
        folder: The folder of the stack.
    """
    return folder / "nginx/green"


def live_slot(folder: Path) -> str:
    """Return the slot that requests are sent to."""
    return "green" if flag(folder).exists() else "blue"


class Nginx:
    """What nginx reads on the host, and what it is known to have read."""

    def __init__(self, folder: Path, inside: str) -> None:
        """Note where things are.

        Args:
            folder: The folder of the stack.
            inside: Where nginx finds its own part of that in its container.
        """
        self.folder = folder / "nginx"
        self.file = self.folder / "nginx.conf"
        self.inside = f"{inside}/nginx.conf"
        self.stack = folder
        self.flag = flag(folder)
        # The digest of the configuration that nginx runs with.
        self.loaded = folder / "nginx.loaded"

    @property
    def live(self) -> str:
        """The slot that requests are sent to."""
        return live_slot(self.stack)

    def point_to(self, slot: str) -> None:
        """Send requests to a slot from now on, without a reload."""
        if slot == "green":
            self.flag.touch(mode=0o644)
        else:
            self.flag.unlink(missing_ok=True)
        sync(self.folder)

    def text(self) -> str:
        """Return the configuration that nginx reads when it is started; empty if there is none."""
        found: str = read(self.file)
        return found

    def runs_with(self, text: str) -> bool:
        """Tell whether nginx runs with a configuration, and would again after a restart."""
        return {read(self.loaded), digest(self.text())} == {digest(text)}

    def put(self, text: str) -> None:
        """Have nginx read a configuration when it is started or reloaded."""
        self.folder.mkdir(exist_ok=True)
        # nginx reads it as a user of its own, whatever root's umask here is.
        self.folder.chmod(0o755)
        write(self.file, text)

    def reload(self, container: Container) -> None:
        """Have nginx run with its configuration.

        Raises:
            EngineError: It can't.
        """
        docker("exec", container.id, "nginx", "-e", "stderr", "-c", self.inside, "-s", "reload")
        self.note_loaded()

    def note_loaded(self) -> None:
        """Note that nginx runs with its configuration."""
        write(self.loaded, digest(self.text()))


def digest(text: str) -> str:
    """Return what tells a text from others."""
    return hashlib.sha256(text.encode()).hexdigest()
