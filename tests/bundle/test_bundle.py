"""What comes out of a bundle is what went in; what is broken or something else is refused in one line."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

import bundle
from bundle import INDEX, MAX_AGE_SECONDS, BundleError, pack, unpack, variables

REPOSITORY = Path(__file__).resolve().parents[2]
FILES = {
    "images.tar.gz": b"images",
    "packages-trixie-x86_64.tar": b"packages",
    "wheels/4711/Django.whl": b"wheel",
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A bundle."""
    wheels = tmp_path / "sources/wheels"
    wheels.mkdir(parents=True)
    (wheels / "Django.whl").write_bytes(b"wheel")
    (tmp_path / "sources/images").write_bytes(b"images")
    (tmp_path / "sources/packages").write_bytes(b"packages")
    sources = {
        "images.tar.gz": tmp_path / "sources/images",
        "packages-trixie-x86_64.tar": tmp_path / "sources/packages",
        "wheels/4711": wheels,
    }
    pack(sources, tmp_path / "a.bundle")
    return tmp_path / "a.bundle"


def content(folder: Path) -> dict[str, bytes]:
    return {str(f.relative_to(folder)): f.read_bytes() for f in folder.rglob("*") if f.is_file()}


def rewrite(path: Path, members: dict[str, bytes]) -> None:
    with tarfile.open(path, "w") as archive:
        for name, text in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(text)
            archive.addfile(info, io.BytesIO(text))


def members(path: Path) -> dict[str, bytes]:
    with tarfile.open(path) as archive:
        return {member.name: file.read() for member in archive if (file := archive.extractfile(member))}


def refused(path: Path, cache: Path) -> str:
    """Return what is said of a bundle that must not be unpacked."""
    with pytest.raises(BundleError) as caught:
        unpack(path, cache)
    assert list(cache.iterdir()) == []
    assert len(str(caught.value).splitlines()) == 1
    return str(caught.value)


def test_what_went_in_comes_out(path: Path, tmp_path: Path) -> None:
    assert content(unpack(path, tmp_path / "cache")) == FILES
    assert next(iter(members(path))) == INDEX


def test_a_bundle_is_unpacked_once(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = unpack(path, tmp_path / "cache")
    with monkeypatch.context() as patch:
        patch.delattr(bundle, "extract")
        assert unpack(path, tmp_path / "cache") == folder


def test_another_bundle_has_another_folder(path: Path, tmp_path: Path) -> None:
    folder = unpack(path, tmp_path / "cache")
    pack({"images.tar.gz": path}, tmp_path / "another")
    assert unpack(tmp_path / "another", tmp_path / "cache") != folder
    assert content(folder) == FILES


def test_unpacked_bundles_that_nobody_needs_go(path: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    used = unpack(path, cache)
    for name in ("old/wheels", "new"):
        (cache / name).mkdir(parents=True)
    for folder in (used, cache / "old"):
        os.utime(folder, (1, 1))
    unpack(path, cache)
    assert set(cache.iterdir()) == {used, cache / "new"}
    assert MAX_AGE_SECONDS == 86400


@pytest.mark.parametrize("text", [b"", b"no archive", b"\0" * 10240])
def test_what_is_no_bundle_is_refused(tmp_path: Path, text: bytes) -> None:
    (tmp_path / "other").write_bytes(text)
    assert "other is broken, or no bundle: copy it or make it again" in refused(
        tmp_path / "other", tmp_path / "cache"
    )


def test_another_archive_is_refused(tmp_path: Path) -> None:
    rewrite(tmp_path / "other", {"README": b"text"})
    assert f"it does not begin with {INDEX}" in refused(tmp_path / "other", tmp_path / "cache")


def test_a_bundle_of_another_version_is_refused(path: Path, tmp_path: Path) -> None:
    rewrite(path, {INDEX: json.dumps({"format": 0}).encode()})
    said = refused(path, tmp_path / "cache")
    assert said == f"{path} was made by another version of this project: make it again with bin/bundle"


def test_each_changed_byte_is_noticed(path: Path, tmp_path: Path) -> None:
    for name in FILES:
        changed = members(path)
        changed[name] = b"X" + changed[name][1:]
        rewrite(tmp_path / "changed", changed)
        assert f"{name} differs from its checksum" in refused(tmp_path / "changed", tmp_path / "cache")


def test_a_missing_file_is_noticed(path: Path, tmp_path: Path) -> None:
    left = members(path)
    del left["wheels/4711/Django.whl"]
    rewrite(path, left)
    assert "wheels/4711/Django.whl is missing" in refused(path, tmp_path / "cache")


def test_a_bundle_that_was_cut_off_is_refused(path: Path, tmp_path: Path) -> None:
    whole = path.read_bytes()
    for size in range(0, len(whole) - 10240, 700):
        path.write_bytes(whole[:size])
        assert "is broken, or no bundle" in refused(path, tmp_path / "cache")


@pytest.mark.parametrize("name", ["added", "../outside"])
def test_nothing_is_unpacked_that_has_no_place_in_a_bundle(path: Path, tmp_path: Path, name: str) -> None:
    found = members(path)
    if name == "../outside":
        index = json.loads(found[INDEX])
        index["files"][name] = "any"
        found[INDEX] = json.dumps(index).encode()
    rewrite(path, found | {name: b"text"})
    refused(path, tmp_path / "cache")
    assert not list(tmp_path.rglob("outside"))


def test_a_file_that_can_not_be_read_leaves_no_bundle(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        pack({"images.tar.gz": tmp_path / "nothing"}, tmp_path / "new")
    assert not (tmp_path / "new").exists()


def run(*args: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "bundle", *args]
    return subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)


def test_the_program_makes_bundles_and_says_how_they_are_used(path: Path, tmp_path: Path) -> None:
    made = run(
        "pack", tmp_path / "b.bundle", f"images.tar.gz={path}", f"wheels/4711={path.parent / 'sources'}"
    )
    assert made.returncode == 0, made.stderr
    assert made.stdout == f"{bundle.digest(tmp_path / 'b.bundle')}  {tmp_path / 'b.bundle'}\n"

    used = run("unpack", tmp_path / "b.bundle", tmp_path / "cache")
    assert used.returncode == 0, used.stderr
    (folder,) = (tmp_path / "cache").iterdir()
    assert json.loads(used.stdout) == variables(folder)
    assert (folder / "wheels/4711/wheels/Django.whl").read_bytes() == b"wheel"
    # Where the roles look for what is in the bundle.
    assert variables(folder) == {
        "images_archive": str(folder / "images.tar.gz"),
        "packages_dir": str(folder),
        "wheels_cache_dir": str(folder / "wheels"),
        "docker_source": "debian",
    }


@pytest.mark.parametrize("text", [None, "no bundle"])
def test_the_program_refuses_in_one_line(tmp_path: Path, text: str | None) -> None:
    if text:
        (tmp_path / "b.bundle").write_text(text)
    result = run("unpack", tmp_path / "b.bundle", tmp_path / "cache")
    assert result.returncode == 1
    assert len(result.stderr.splitlines()) == 1
    assert str(tmp_path / "b.bundle") in result.stderr
    assert result.stdout == ""
