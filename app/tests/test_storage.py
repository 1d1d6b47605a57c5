"""Files are flushed in the right order. That this is enough for a power cut is shown on a virtual machine."""

import os
from pathlib import Path
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage, default_storage
from pytest_django import Settings

from runtime.static_files import SharedStaticFilesStorage


@pytest.fixture
def flushed(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """What has been flushed to the disk, by the names that it had at that moment."""
    paths: list[Path] = []
    fsync = os.fsync

    def note(descriptor: int) -> None:
        paths.append(Path(f"/proc/self/fd/{descriptor}").readlink())
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", note)
    return paths


def test_an_upload_is_on_the_disk_when_it_has_been_saved(media: Path, flushed: list[Path]) -> None:
    name = default_storage.save("posters/one.png", ContentFile(b"image"))

    assert flushed == [media / name, media / "posters"]


def test_a_static_file_is_on_the_disk_before_it_has_its_name(
    tmp_path: Path, settings: Settings, flushed: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.STATIC_MANIFEST_DIR = tmp_path / "manifest"
    source = FileSystemStorage(location=tmp_path / "source")
    source.save("style.css", ContentFile(b"/* */" * 100))
    flushed.clear()
    named: set[str] = set()
    replace = Path.replace

    def check(path: Path, target: Any) -> Path:
        assert path in flushed
        named.add(Path(target).name)
        return replace(path, target)

    monkeypatch.setattr(Path, "replace", check)
    storage = SharedStaticFilesStorage(location=str(tmp_path / "volume"))

    storage.save("style.css", ContentFile(b"/* */" * 100))
    list(storage.post_process({"style.css": (source, "style.css")}))

    hashed = storage.stored_name("style.css")
    assert {path.parent for path in flushed} == {tmp_path / "volume"}
    assert {path.name for path in (tmp_path / "volume").iterdir()} == named
    assert named == {"style.css", hashed, f"{hashed}.gz"}
    assert (tmp_path / "volume/style.css").read_bytes() == b"/* */" * 100
