"""Files appear whole or not at all, whatever happens while they are written."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils import files
from ansible.module_utils.files import link, read, sync, write


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def strict_umask() -> Iterator[None]:
    before = os.umask(0o077)
    yield
    os.umask(before)


def test_a_file_that_is_not_there_is_empty(tmp_path: Path) -> None:
    assert read(tmp_path / "file") == ""
    (tmp_path / "file").write_text("text")
    assert read(tmp_path / "file") == "text"


@pytest.mark.parametrize("content", ["caf\u00e9\n", b"\x00\xff"])
def test_a_file_is_made_and_replaced(tmp_path: Path, content: str | bytes) -> None:
    for before in (None, b"longer than what comes after it"):
        if before:
            (tmp_path / "file").write_bytes(before)
        write(tmp_path / "file", content)

        assert (tmp_path / "file").read_bytes() == (content.encode() if isinstance(content, str) else content)
        assert names(tmp_path) == ["file"]


@pytest.mark.usefixtures("strict_umask")
def test_the_umask_closes_nothing(tmp_path: Path) -> None:
    write(tmp_path / "file", "")
    write(tmp_path / "program", "", mode=0o755)

    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o644
    assert (tmp_path / "program").stat().st_mode & 0o777 == 0o755


@pytest.mark.skipif(os.getuid() != 0, reason="a file is given away by root alone")
@pytest.mark.parametrize(("owner", "found"), [(None, (0, 0)), ((10001, 10002), (10001, 10002))])
def test_a_file_has_the_owner_that_it_is_to_have(
    tmp_path: Path, owner: tuple[int, int] | None, found: tuple[int, int]
) -> None:
    # Files in it would otherwise have its group.
    os.chown(tmp_path, 0, 10003)
    tmp_path.chmod(0o2755)
    write(tmp_path / "file", "", owner=owner)

    status = (tmp_path / "file").stat()
    assert (status.st_uid, status.st_gid) == found


def test_a_file_is_checked_whole_and_before_it_replaces_another(tmp_path: Path) -> None:
    write(tmp_path / "file", "before")
    seen = []
    write(
        *(tmp_path / "file", "after"),
        check=lambda candidate: seen.append((candidate.read_text(), (tmp_path / "file").read_text())),
    )

    assert seen == [("after", "before")]
    assert (tmp_path / "file").read_text() == "after"


def test_a_file_that_is_wrong_replaces_none_and_leaves_nothing(tmp_path: Path) -> None:
    def refuse(_candidate: Path) -> None:
        raise ValueError("wrong")

    write(tmp_path / "file", "before")
    with pytest.raises(ValueError, match="wrong"):
        write(tmp_path / "file", "after", check=refuse)

    assert (tmp_path / "file").read_text() == "before"
    assert names(tmp_path) == ["file"]


def test_what_a_killed_run_left_is_in_nobodys_way(tmp_path: Path) -> None:
    (tmp_path / ".file.partial").write_text("the half of what was to be wri")
    (tmp_path / ".file.partial").chmod(0o444)
    write(tmp_path / "file", "whole")

    assert (tmp_path / "file").read_text() == "whole"
    assert names(tmp_path) == ["file"]


def test_one_who_can_not_write_it_is_told(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        write(tmp_path / "missing/file", "")


def test_two_may_write_the_same_file_at_once(tmp_path: Path) -> None:
    write(
        *(tmp_path / "file", "first"),
        partial="1",
        check=lambda _first: write(tmp_path / "file", "second", partial="2"),
    )

    assert (tmp_path / "file").read_text() == "first"
    assert names(tmp_path) == ["file"]


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Note what is done to files, in order."""
    found: list[str] = []
    for name in ("fsync", "fchmod", "fchown"):
        real = getattr(os, name)

        def call(descriptor: int, *args: Any, name: str = name, real: Any = real) -> None:
            found.append(f"{name} {Path(f'/proc/self/fd/{descriptor}').readlink().name}")
            real(descriptor, *args)

        monkeypatch.setattr(os, name, call)
    rename = Path.rename

    def renamed(path: Path, target: Path) -> Path:
        found.append(f"rename {path.name}")
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", renamed)
    return found


def test_the_disk_has_the_content_before_the_name_and_then_the_name(tmp_path: Path, calls: list[str]) -> None:
    write(tmp_path / "file", "text")

    assert calls == [
        *("fchown .file.partial", "fchmod .file.partial", "fsync .file.partial"),
        *("rename .file.partial", f"fsync {tmp_path.name}"),
    ]


def test_until_it_is_whole_nobody_else_may_read_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    modes = []

    def note(descriptor: int, _uid: int, _gid: int) -> None:
        status = os.fstat(descriptor)
        modes.append((status.st_mode & 0o777, status.st_size))

    monkeypatch.setattr(files.os, "fchown", note)
    write(tmp_path / "file", "text", mode=0o644)

    assert modes == [(0o600, 4)]


def test_a_link_is_made_and_pointed_elsewhere(tmp_path: Path, calls: list[str]) -> None:
    (tmp_path / ".current.partial").symlink_to("left by a killed run")
    for target in ("releases/1", "releases/2"):
        link(tmp_path / "current", target)

        assert str((tmp_path / "current").readlink()) == target
        assert names(tmp_path) == ["current"]
    assert calls == 2 * ["rename .current.partial", f"fsync {tmp_path.name}"]


def test_syncing_leaves_no_file_open(tmp_path: Path, calls: list[str]) -> None:
    before = len(list(Path("/dev/fd").iterdir()))
    for _ in range(3):
        sync(tmp_path)

    assert calls == 3 * [f"fsync {tmp_path.name}"]
    assert len(list(Path("/dev/fd").iterdir())) == before
