"""A stand-in for Docker: it does with images what the role asks of it, and notes each command.

It stands where modules start a program; all of their own code runs.
"""

from __future__ import annotations

import hashlib
import io
import json
import subprocess
import tarfile
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import IO, Any

import pytest


def layer_digest(content: bytes) -> str:
    return "sha256:" + hashlib.sha256(content).hexdigest()


class RefusedError(Exception):
    """Docker ends with an error, and may have printed something all the same."""

    def __init__(self, text: str, printed: str = "") -> None:
        super().__init__(text)
        self.printed = printed


@dataclass(frozen=True)
class Image:
    """An image of the stand-in."""

    config: bytes
    layers: tuple[bytes, ...]
    created: str = "2026-01-01T00:00:00Z"

    @property
    def id(self) -> str:
        return layer_digest(self.config)


@dataclass
class Engine:
    """A machine's engine and its images, by their names."""

    images: dict[str, Image] = field(default_factory=dict)
    driver: str = "overlay2"
    # All commands that change images, or move them.
    calls: list[list[str]] = field(default_factory=list)
    # Each command that begins like this fails.
    fails: str = ""
    # How many builds have to begin before one ends.
    together: threading.Barrier | None = None

    def install(self, monkeypatch: pytest.MonkeyPatch) -> Engine:
        """Make it the engine of this machine."""
        monkeypatch.setattr(subprocess, "run", self.run)
        monkeypatch.setattr("shutil.which", lambda _name: "/usr/bin/docker")
        return self

    def add(self, name: str, *layers: bytes, created: str = "2026-01-01T00:00:00Z") -> None:
        """Give it an image."""
        config = {"of": name, "rootfs": {"diff_ids": [layer_digest(layer) for layer in layers]}}
        self.images[name] = Image(json.dumps(config).encode(), layers, created)

    def run(
        self, command: Sequence[str], stdin: IO[bytes] | None = None, **options: Any
    ) -> subprocess.CompletedProcess[str]:
        """Take the place of subprocess.run."""
        program, *args = command
        assert program == "docker"
        if args[0] != "version" and args[:2] not in (["image", "ls"], ["image", "inspect"]):
            self.calls.append(args)
        try:
            if self.fails and " ".join(args).startswith(self.fails):
                raise RefusedError(f"{self.fails} does not work")
            if args[0] == "build":
                assert stdin
                assert options["env"]["DOCKER_BUILDKIT"] == "0"
                return subprocess.CompletedProcess(command, 0, self.build(args[1:], stdin.read()), "")
            return subprocess.CompletedProcess(command, 0, self.do(args), "")
        except RefusedError as error:
            return subprocess.CompletedProcess(command, 1, error.printed, f"Error: {error}\n")

    def do(self, args: list[str]) -> str:
        """Do what a command asks for, and return what it prints."""
        match args:
            case ["version", *_]:
                return "amd64\n"
            case ["image", "ls", "--quiet", "--no-trunc"]:
                return "\n".join(image.id for image in self.images.values())
            case ["image", "inspect", *wanted]:
                return self.inspect(wanted)
            case _:
                self.change(args)
                return ""

    def change(self, args: list[str]) -> None:
        """Do what a command asks for that changes images, or moves them."""
        match args:
            case ["image", "rm", *names]:
                for name in names:
                    del self.images[name]
            case ["tag", name, other]:
                self.images[other] = self.images[name]
            case ["pull", "--quiet", name]:
                self.add(name, name.encode())
            case ["save", "--output", path, *names]:
                self.save(path, names)
            case ["load", "--quiet", "--input", path]:
                self.load(path)
            case _:
                assert args[:2] == ["image", "prune"], args

    def inspect(self, wanted: list[str]) -> str:
        found = []
        missing = []
        for one in wanted:
            images = [image for name, image in self.images.items() if one in (name, image.id)]
            if not images:
                missing.append(one)
                continue
            names = [name for name, image in self.images.items() if image.id == images[0].id]
            found.append(
                {
                    "Id": images[0].id,
                    "RepoTags": [name for name in names if "@" not in name],
                    "RepoDigests": [name for name in names if "@" in name],
                    "Created": images[0].created,
                    "RootFS": {"Layers": [layer_digest(layer) for layer in images[0].layers]},
                    "GraphDriver": {"Name": self.driver},
                }
            )
        if missing:
            raise RefusedError(f"No such image: {missing[0]}", json.dumps(found))
        return json.dumps(found)

    def build(self, args: list[str], context: bytes) -> str:
        if self.together:
            self.together.wait(timeout=30)
        given = dict(word.removeprefix("--").split("=", 1) for word in args if "=" in word)
        arguments = [word.removeprefix("--build-arg=") for word in args if word.startswith("--build-arg=")]
        (base,) = (word.removeprefix("BASE=") for word in arguments if word.startswith("BASE="))
        if args[-1] != "-" or base not in self.images:
            raise RefusedError(f"there is no {base}")
        self.add(given["tag"], *self.images[base].layers, context)
        return self.images[given["tag"]].id

    def save(self, path: str, names: list[str]) -> None:
        """Write an archive as Docker 20.10 does: a folder for each layer, a link for a repeated one."""
        manifest = []
        folders: dict[bytes, str] = {}
        with tarfile.open(path, "w") as archive:

            def add(name: str, content: bytes = b"", link: str = "") -> None:
                info = tarfile.TarInfo(name)
                info.size = len(content)
                if link:
                    info.type, info.linkname = tarfile.SYMTYPE, link
                archive.addfile(info, io.BytesIO(content))

            for name in names:
                image = self.images[name]
                members = []
                for number, layer in enumerate(image.layers):
                    folder = hashlib.sha256(f"{name} {number}".encode()).hexdigest()
                    if layer in folders:
                        add(f"{folder}/layer.tar", link=f"../{folders[layer]}/layer.tar")
                    else:
                        add(f"{folder}/layer.tar", layer)
                        folders[layer] = folder
                    members.append(f"{folder}/layer.tar")
                config = f"{image.id.partition(':')[2]}.json"
                add(config, image.config)
                manifest.append({"Config": config, "RepoTags": [name], "Layers": members})
            add("manifest.json", json.dumps(manifest).encode())
            add("repositories", b"{}")

    def load(self, path: str) -> None:
        """Read an archive as Docker does: a layer counts as there with the same layers below it."""
        with tarfile.open(path) as archive:
            files = {member.name: archive.extractfile(member) for member in archive}
            content = {name: file.read() for name, file in files.items() if file}
        for image in json.loads(content["manifest.json"]):
            config = content[image["Config"]]
            layers: tuple[bytes, ...] = ()
            for digest, member in zip(json.loads(config)["rootfs"]["diff_ids"], image["Layers"], strict=True):
                above = [one.layers[len(layers) :] for one in self.images.values() if self.has(one, layers)]
                known = [rest[0] for rest in above if rest and layer_digest(rest[0]) == digest]
                if not known and member not in content:
                    raise RefusedError(f"open {member}: no such file or directory")
                layers += (known[0] if known else content[member],)
                assert layer_digest(layers[-1]) == digest
            for name in image["RepoTags"]:
                self.images[name] = Image(config, layers)

    @staticmethod
    def has(image: Image, layers: tuple[bytes, ...]) -> bool:
        return image.layers[: len(layers)] == layers
