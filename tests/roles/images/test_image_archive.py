"""Images arrive at another engine whole, and no layer travels that the engine has or that is there twice."""

from __future__ import annotations

import json
import os
import subprocess
import tarfile
import time
from pathlib import Path
from typing import Any

import image_archive
import load_images
import pytest
from ansible.module_utils.images import stock
from ansible.module_utils.images.archive import ArchiveError, read, write
from ansible.module_utils.testing import patch_module_args
from documented import assert_as_documented
from image_archive import MAX_AGE_SECONDS
from image_engine import Engine, layer_digest

TAG = "0123456789abcdef"
NGINX, API = f"web/nginx:{TAG}", f"web/api:{TAG}"
ARRIVING = {NGINX: f"web/nginx-arriving:{TAG}", API: f"web/api-arriving:{TAG}"}
BUILT = {NGINX: NGINX, API: f"web/api-for-others:{TAG}"}
DEBIAN, PYTHON, CODE, SERVER = b"debian", b"python", b"code", b"server"


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Engine:
    """A stand-in for Docker, without images."""
    return Engine().install(monkeypatch)


@pytest.fixture
def builder(monkeypatch: pytest.MonkeyPatch) -> Engine:
    """An engine that has two images, one of them under the name of those for others."""
    engine = Engine().install(monkeypatch)
    engine.add(BUILT[NGINX], DEBIAN, SERVER)
    engine.add(BUILT[API], DEBIAN, PYTHON, CODE)
    return engine


def run(capsys: pytest.CaptureFixture[str], dest: Path, **args: object) -> dict[str, Any]:
    """Run the module that packs, and return what it tells Ansible."""
    told = {"refs": [NGINX, API], "names": {API: BUILT[API]}, "dest": str(dest)} | args
    with patch_module_args(told), pytest.raises(SystemExit):
        image_archive.main()
    return dict(json.loads(capsys.readouterr().out))


def load(capsys: pytest.CaptureFixture[str], path: Path | str, refs: list[str]) -> dict[str, Any]:
    """Run the module that loads, and return what it tells Ansible."""
    told = {"path": str(path), "refs": refs, "namespace": "web"}
    with patch_module_args(told), pytest.raises(SystemExit):
        load_images.main()
    return dict(json.loads(capsys.readouterr().out))


def layers(path: Path | str) -> list[bytes]:
    """Return the layers that are in an archive, sorted."""
    with tarfile.open(path) as archive:
        files = [archive.extractfile(member) for member in archive if member.name.endswith(".tar")]
        return sorted(file.read() for file in files if file)


def test_images_arrive_as_they_were_built(
    builder: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = run(capsys, tmp_path / "cache")["path"]
    host = Engine().install(monkeypatch)

    result = load(capsys, path, [NGINX, API])

    assert result["changed"]
    assert set(host.images) == {NGINX, API}
    assert host.images == {name: builder.images[BUILT[name]] for name in (NGINX, API)}


def test_a_layer_that_two_images_have_is_there_once(
    builder: Engine, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert layers(run(capsys, tmp_path / "cache")["path"]) == sorted([DEBIAN, PYTHON, CODE, SERVER])


def test_layers_that_the_host_has_are_left_out(
    builder: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with monkeypatch.context() as on_host:
        host = Engine().install(on_host)
        host.add("web/api:aaaaaaaaaaaaaaaa", DEBIAN, PYTHON, b"former code")
        present = stock.layers(stock.images())
    path = run(capsys, tmp_path / "cache", present=present)["path"]
    assert layers(path) == sorted([CODE, SERVER])

    with monkeypatch.context() as on_host:
        host.install(on_host)
        assert load(capsys, path, [NGINX, API])["changed"]
    assert host.images[API].layers == (DEBIAN, PYTHON, CODE)


def test_a_layer_above_others_does_not_count_as_there(
    builder: Engine, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    present = list(stock.chains([layer_digest(b"another base"), layer_digest(PYTHON)]))
    assert PYTHON in layers(run(capsys, tmp_path / "cache", present=present)["path"])


def test_an_archive_is_made_once(builder: Engine, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first = run(capsys, tmp_path / "cache")
    assert not first["changed"]
    again = run(capsys, tmp_path / "cache")
    assert again["path"] == first["path"]
    assert [call[0] for call in builder.calls] == ["save"]


def test_another_content_is_another_archive(
    builder: Engine, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cache = tmp_path / "cache"
    paths = [
        run(capsys, cache)["path"],
        run(capsys, cache, refs=[NGINX])["path"],
        run(capsys, cache, present=list(stock.chains([layer_digest(DEBIAN)])))["path"],
    ]
    builder.add(NGINX, DEBIAN, b"another server")
    paths.append(run(capsys, cache)["path"])
    assert len(set(paths)) == 4
    # What the images don't have makes no difference.
    assert run(capsys, cache, present=["sha256:other"])["path"] == paths[-1]


def test_old_archives_and_what_killed_runs_left_go(
    builder: Engine, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cache = tmp_path / "cache"
    used = Path(run(capsys, cache)["path"])
    (cache / "tmpkilled").mkdir()
    (cache / "tmpkilled/saved.tar").touch()
    (cache / "old.tar.gz").touch()
    (cache / "new.tar.gz").touch()
    long_ago = time.time() - 2 * MAX_AGE_SECONDS
    for path in (used, cache / "tmpkilled", cache / "old.tar.gz"):
        os.utime(path, (long_ago, long_ago))
    run(capsys, cache)
    assert set(cache.iterdir()) == {used, cache / "new.tar.gz"}


def test_images_are_taken_from_another_archive(
    builder: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    source = run(capsys, tmp_path / "cache")["path"]
    # There is no engine any more.
    monkeypatch.delattr(subprocess, "run")

    # All of it needs no second archive.
    assert run(capsys, tmp_path / "cache", source=source, names={})["path"] == source
    present = list(stock.chains([layer_digest(DEBIAN)]))
    path = run(capsys, tmp_path / "cache", source=source, names={}, refs=[API], present=present)["path"]
    assert layers(path) == sorted([PYTHON, CODE])
    assert set(read(Path(path))) == {ARRIVING[API]}


@pytest.mark.parametrize("check_mode", [False, True])
def test_an_image_that_another_archive_lacks_is_named(
    builder: Engine, tmp_path: Path, capsys: pytest.CaptureFixture[str], check_mode: bool
) -> None:
    source = run(capsys, tmp_path / "cache", refs=[NGINX])["path"]
    result = run(capsys, tmp_path / "cache", source=source, _ansible_check_mode=check_mode)
    assert result["msg"] == f"{API} is not in {source}"


def test_check_mode_writes_nothing(
    builder: Engine, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(capsys, tmp_path / "cache", _ansible_check_mode=True)
    assert not (tmp_path / "cache").exists()
    assert builder.calls == []


def test_an_image_that_the_engine_lacks_is_an_error(
    builder: Engine, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    result = run(capsys, tmp_path / "cache", refs=["web/db:1"], names={})
    assert "No such image: web/db:1" in result["msg"]


@pytest.mark.parametrize("content", [b"", b"no archive", b"\0" * 10240])
def test_what_is_no_archive_is_named_in_one_line(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "archive"
    path.write_bytes(content)
    with pytest.raises(ArchiveError, match="archive is no archive of images") as caught:
        read(path)
    assert len(str(caught.value).splitlines()) == 1


def test_a_broken_archive_leaves_no_archive(
    builder: Engine, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = Path(run(capsys, tmp_path / "cache")["path"])
    packed = read(source)
    (tmp_path / "broken").write_bytes(source.read_bytes()[:-40])
    with pytest.raises(ArchiveError):
        write(tmp_path / "broken", tmp_path / "new.tar.gz", packed, [])
    assert not (tmp_path / "new.tar.gz").exists()


def test_an_archive_that_lacks_layers_is_told(
    builder: Engine, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    present = list(stock.chains([layer_digest(DEBIAN)]))
    source = Path(run(capsys, tmp_path / "cache", present=present)["path"])
    with pytest.raises(ArchiveError, match="lacks 1 layers"):
        write(source, tmp_path / "new.tar.gz", read(source), [])


def test_what_a_killed_load_left_is_not_trusted(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with monkeypatch.context() as elsewhere:
        builder = Engine().install(elsewhere)
        builder.add(NGINX, DEBIAN, SERVER)
        path = run(capsys, tmp_path / "cache", refs=[NGINX])["path"]
    engine.add(ARRIVING[NGINX], b"damaged")
    synced = []
    monkeypatch.setattr(os, "sync", lambda: synced.append(set(engine.images)))

    load(capsys, path, [NGINX])

    commands = [call[:2] for call in engine.calls]
    assert commands == [["image", "rm"], ["load", "--quiet"], ["tag", ARRIVING[NGINX]], ["image", "rm"]]
    # It has not its name before it is on the disk.
    assert synced == [{ARRIVING[NGINX]}]
    assert set(engine.images) == {NGINX}


def test_an_archive_without_a_needed_layer_gives_no_image_its_name(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with monkeypatch.context() as elsewhere:
        builder = Engine().install(elsewhere)
        builder.add(NGINX, DEBIAN, SERVER)
        present = list(stock.chains([layer_digest(DEBIAN)]))
        path = run(capsys, tmp_path / "cache", refs=[NGINX], present=present)["path"]

    assert "no such file" in load(capsys, path, [NGINX])["msg"]
    assert set(engine.images) == set()


@pytest.mark.parametrize("module", [image_archive, load_images])
def test_they_take_what_their_documentation_says(module: Any) -> None:
    assert_as_documented(module)
