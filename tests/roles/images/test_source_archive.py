"""The archive's bytes name the image, so they may depend on content alone."""

from __future__ import annotations

import io
import os
import tarfile
import time
from pathlib import Path

import pytest
import source_archive
from documented import assert_as_documented
from source_archive import MAX_AGE_SECONDS, drop_old, keep, pack


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / "app" / "config").mkdir(parents=True)
    (tmp_path / "app" / "manage.py").write_text("print('hello')\n")
    (tmp_path / "app" / "config" / "wsgi.py").write_text("application = None\n")
    (tmp_path / "app" / "run.sh").write_text("#!/bin/sh\n")
    (tmp_path / "app" / "run.sh").chmod(0o755)
    return tmp_path / "app"


def packed(tree: Path, *exclude: str) -> bytes:
    return pack([{"path": str(tree), "name": "app"}], list(exclude))


def names(content: bytes) -> list[str]:
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        return archive.getnames()


def test_same_content_is_same_archive_whatever_times_and_umask(tree: Path) -> None:
    before = packed(tree)
    os.utime(tree / "manage.py", (1, 1))
    (tree / "manage.py").chmod(0o600)
    assert packed(tree) == before


@pytest.mark.parametrize("change", ["content", "name", "executable"])
def test_any_change_is_another_archive(tree: Path, change: str) -> None:
    before = packed(tree)
    if change == "content":
        (tree / "manage.py").write_text("print('bye')\n")
    elif change == "name":
        (tree / "manage.py").rename(tree / "manager.py")
    else:
        (tree / "run.sh").chmod(0o644)
    assert packed(tree) != before


def test_excluded_names_stay_out_wherever_they_stand(tree: Path) -> None:
    before = packed(tree)
    (tree / "config" / "__pycache__").mkdir()
    (tree / "config" / "__pycache__" / "wsgi.pyc").write_text("")
    (tree / ".env").write_text("SECRET=1")
    assert packed(tree) != before
    assert packed(tree, ".*", "__pycache__") == before


def test_archive_has_the_files_under_the_given_name(tree: Path) -> None:
    assert names(packed(tree)) == ["app/config/wsgi.py", "app/manage.py", "app/run.sh"]
    assert "manage.py" in names(pack([{"path": str(tree), "name": "."}], []))


def test_missing_source_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        pack([{"path": str(tmp_path / "nothing"), "name": "."}], [])


def test_old_archives_go_and_those_that_are_used_again_stay(tmp_path: Path) -> None:
    long_ago = time.time() - 2 * MAX_AGE_SECONDS
    for name in ("used", "unused"):
        keep(b"content", tmp_path / f"{name}.tar")
        os.utime(tmp_path / f"{name}.tar", (long_ago, long_ago))

    keep(b"content", tmp_path / "used.tar")
    drop_old(tmp_path)

    assert [path.name for path in tmp_path.iterdir()] == ["used.tar"]


def test_an_archive_that_gets_its_name_meanwhile_is_no_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Path, "iterdir", lambda folder: iter([folder / "archive.4711"]))
    drop_old(tmp_path)


def test_it_takes_what_its_documentation_says() -> None:
    assert_as_documented(source_archive)
