"""The releases that lie on the host, and which of them went live when."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from ansible.module_utils.files import link, read, write

from .errors import RolloutError
from .settings import Settings, SettingsError


@dataclass(frozen=True)
class Release:
    """All that makes one version of the stack: written once, never changed."""

    name: str
    compose: str
    nginx_conf: str
    settings: Settings

    @classmethod
    def make(cls, compose: str, nginx_conf: str, settings: Settings) -> Release:
        """Return a release that has the hash of its content as its name."""
        whole = json.dumps([compose, nginx_conf, asdict(settings)], sort_keys=True)
        return cls(hashlib.sha256(whole.encode()).hexdigest()[:12], compose, nginx_conf, settings)

    @classmethod
    def load(cls, folder: Path) -> Release:
        """Read a release that has the name of its folder.

        Raises:
            RolloutError: Its settings can't be understood.
        """
        file = folder / "release.json"
        try:
            settings = Settings.read(json.loads(file.read_text()))
        except (SettingsError, json.JSONDecodeError) as error:
            raise RolloutError(
                f"{file} can't be understood ({error}): put the file back from your backup, or remove"
                f" {folder} and deploy"
            ) from error
        return cls(
            folder.name, (folder / "compose.yml").read_text(), (folder / "nginx.conf").read_text(), settings
        )

    def save(self, folder: Path) -> None:
        """Write the release into a folder, which must not exist."""
        folder.mkdir(mode=0o755)
        write(folder / "compose.yml", self.compose)
        write(folder / "nginx.conf", self.nginx_conf)
        write(folder / "release.json", json.dumps(asdict(self.settings), indent=2, sort_keys=True) + "\n")


@dataclass(frozen=True)
class Deployment:
    """That a release went live, and which migrations the database had then."""

    release: str
    at: str
    migrations: list[str]


class Store:
    """The releases in the stack's folder, and which of them went live when."""

    def __init__(self, folder: Path, keep: int) -> None:
        self.folder = folder
        self.keep = keep
        self.history_file = folder / "history.json"
        # The release that each slot was given last, noted before the slot gets requests.
        self.slots_file = folder / "slots.json"

    def history(self) -> list[Deployment]:
        """Return what went live, oldest first."""
        return [Deployment(**entry) for entry in json.loads(read(self.history_file) or "[]")]

    def current(self) -> str:
        link = self.folder / "current"
        return link.readlink().name if link.is_symlink() else ""

    def slots(self) -> dict[str, str]:
        """Return the name of the release that each slot was given last."""
        found: dict[str, str] = json.loads(read(self.slots_file) or "{}")
        return found

    def give(self, slot: str, name: str) -> None:
        """Note that a slot is about to run the release of a name; an empty one, that it runs none."""
        write(self.slots_file, json.dumps(self.slots() | {slot: name}) + "\n")

    def serving(self, live: str) -> str:
        """Return the name of the release that serves, also if a run was killed before it noted it.

        Args:
            live: The slot that requests are sent to.
        """
        name = self.slots().get(live, "")
        return name if name and self.path(name).is_dir() else self.current()

    def path(self, name: str) -> Path:
        return self.folder / "releases" / name

    def load(self, name: str) -> Release:
        return Release.load(self.path(name))

    def kept(self) -> list[Deployment]:
        """Return the last deployment of each release that is on the host, newest first."""
        return self._last_of_each(self.history())

    def _last_of_each(self, history: list[Deployment]) -> list[Deployment]:
        # By their place, not by their time: a clock may be set back.
        last: dict[str, Deployment] = {}
        for entry in reversed(history):
            last.setdefault(entry.release, entry)
        return [entry for entry in last.values() if self.path(entry.release).is_dir()]

    def add(self, release: Release, check: Callable[[Path], None]) -> None:
        """Keep a release, if the check of its folder holds. Under its name it is whole."""
        if self.path(release.name).is_dir():
            return
        partial = self.path(f".{release.name}")
        partial.parent.mkdir(mode=0o755, exist_ok=True)
        shutil.rmtree(partial, ignore_errors=True)
        release.save(partial)
        try:
            check(partial)
            partial.rename(self.path(release.name))
        finally:
            shutil.rmtree(partial, ignore_errors=True)

    def commit(self, release: Release, migrations: list[str]) -> None:
        """Note that a release went live."""
        at = datetime.now(UTC).isoformat()
        history = [*self.history(), Deployment(release.name, at, migrations)]
        kept = self._last_of_each(history)[: self.keep]
        write(self.history_file, json.dumps([vars(entry) for entry in reversed(kept)], indent=2) + "\n")
        link(self.folder / "current", f"releases/{release.name}")
        link(self.folder / "compose.yml", "current/compose.yml")

    def prune(self) -> None:
        """Remove the releases that are too old to be noted."""
        names = {entry.release for entry in self.history()}
        for folder in (self.folder / "releases").iterdir():
            if folder.name not in names:
                self._remove(folder)

    def _remove(self, folder: Path) -> None:
        """Remove a release; a run that is killed meanwhile leaves no half of it under its name."""
        hidden = self.path(f".{folder.name.lstrip('.')}")
        if folder != hidden:
            shutil.rmtree(hidden, ignore_errors=True)
            folder.rename(hidden)
        # It may be gone already: a killed run's rest of it has the same name.
        shutil.rmtree(hidden, ignore_errors=True)

    def images(self) -> list[str]:
        """Return the images that the kept releases run, and those that these were built from."""
        kept = [self.load(entry.release).settings for entry in self.kept()]
        return sorted({image for settings in kept for image in settings.images + settings.built_from})

    def differences(self, release: Release) -> list[dict[str, str]]:
        """Describe, as Ansible shows it, what a release changes in the files of the one that is served."""
        name = self.current()
        before = self.load(name) if name else None
        files = {"compose.yml": "compose", "nginx.conf": "nginx_conf"}
        return [
            {
                "before_header": f"{name or 'no release'}/{file}",
                "after_header": f"{release.name}/{file}",
                "before": getattr(before, field, ""),
                "after": getattr(release, field),
            }
            for file, field in files.items()
            if getattr(before, field, "") != getattr(release, field)
        ]
