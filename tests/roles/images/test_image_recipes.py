"""Images are named by what they are made from, and that alone; what they are built from is packed once."""

from __future__ import annotations

import io
import os
import tarfile
import time
from pathlib import Path
from typing import Any

import pytest
from ansible.errors import AnsibleError
from ansible.plugins.loader import lookup_loader
from image_recipes import MAX_AGE_SECONDS, File, Recipes, drop_old, files, pack

ROLES = Path(__file__).resolve().parents[3] / "roles"
KEYS = ["base", "nginx", "postgres", "python", "api"]


@pytest.fixture
def options(tmp_path: Path) -> dict[str, Any]:
    """What the lookup is told, of folders that are there."""
    for name, text in {
        "files/base/make-base": "make",
        "files/nginx/Dockerfile": "FROM nginx",
        "files/postgres/Dockerfile": "FROM postgres",
        "files/python/Dockerfile": "FROM python",
        "files/api/Dockerfile": "FROM api",
        "app/manage.py": "print('hello')",
        "app/config/wsgi.py": "application = None",
        "app/requirements.txt": "Django==5.2",
        "wheels/Django.whl": "wheel",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return {
        "namespace": "django",
        "files": str(tmp_path / "files"),
        "official": {"base": "", "nginx": "", "postgres": ""},
        "machine": "x86_64",
        "revision": "1",
        "app": str(tmp_path / "app"),
        "exclude": [".*", "tests"],
        "packages": [],
        "wheels": str(tmp_path / "wheels"),
        "archives": str(tmp_path / "archives"),
    }


def refs(options: dict[str, Any]) -> dict[str, str]:
    return {recipe["key"]: recipe["ref"] for recipe in Recipes(options).describe()}


def renamed(before: dict[str, str], options: dict[str, Any]) -> set[str]:
    """Return the keys of the images that have other names than before."""
    after = refs(options)
    return {key for key in KEYS if after[key] != before[key]}


def members(path: Path) -> dict[str, tarfile.TarInfo]:
    with tarfile.open(path) as archive:
        return {member.name: member for member in archive}


def test_each_image_comes_after_the_one_that_it_stands_on(options: dict[str, Any]) -> None:
    recipes = Recipes(options).describe()
    assert [(recipe["key"], recipe["base"]) for recipe in recipes] == [
        ("base", ""),
        ("nginx", "base"),
        ("postgres", "base"),
        ("python", "base"),
        ("api", "python"),
    ]
    assert all(recipe["ref"].startswith(f"django/{recipe['key']}:") for recipe in recipes)
    assert not any(recipe["pull"] for recipe in recipes)


@pytest.mark.parametrize(
    ("path", "others"),
    [
        ("files/base/make-base", set(KEYS)),
        ("files/nginx/Dockerfile", {"nginx"}),
        ("files/postgres/Dockerfile", {"postgres"}),
        ("files/python/Dockerfile", {"python", "api"}),
        ("files/api/Dockerfile", {"api"}),
        ("app/requirements.txt", {"python", "api"}),
        ("app/config/wsgi.py", {"api"}),
        # Pinned by the lock.
        ("wheels/Django.whl", set()),
    ],
)
def test_a_changed_file_renames_what_is_made_from_it(
    options: dict[str, Any], tmp_path: Path, path: str, others: set[str]
) -> None:
    before = refs(options)
    assert refs(options) == before
    (tmp_path / path).write_text("changed")
    assert renamed(before, options) == others


@pytest.mark.parametrize(
    ("changed", "others"),
    [
        ({"machine": "aarch64"}, set(KEYS)),
        ({"revision": "2"}, set(KEYS)),
        ({"packages": ["gettext"]}, {"python", "api"}),
        ({"official": {"base": "debian:trixie-slim"}}, set(KEYS)),
        ({"official": {"nginx": "nginx:1.28"}}, {"nginx"}),
    ],
)
def test_a_changed_setting_renames_what_depends_on_it(
    options: dict[str, Any], changed: dict[str, Any], others: set[str]
) -> None:
    assert renamed(refs(options), options | changed) == others


def test_an_official_image_is_pulled_and_not_built(options: dict[str, Any]) -> None:
    official = {"base": "debian:trixie-slim", "nginx": "nginx:1.28", "postgres": ""}
    recipes = {recipe["key"]: recipe for recipe in Recipes(options | {"official": official}).describe()}
    for key in ("base", "nginx"):
        assert recipes[key]["pull"]
        assert recipes[key]["ref"] == official[key]
        assert not recipes[key]["context"]
    assert not recipes["postgres"]["pull"]


def test_times_owners_and_umask_do_not_count(options: dict[str, Any], tmp_path: Path) -> None:
    before = refs(options)
    os.utime(tmp_path / "app/manage.py", (1, 1))
    (tmp_path / "app/manage.py").chmod(0o600)
    assert renamed(before, options) == set()
    (tmp_path / "app/manage.py").chmod(0o755)
    assert renamed(before, options) == {"api"}


def test_excluded_names_stay_out_wherever_they_stand(options: dict[str, Any], tmp_path: Path) -> None:
    before = refs(options)
    for name in (".env", "config/tests/test.py"):
        (tmp_path / "app" / name).parent.mkdir(exist_ok=True)
        (tmp_path / "app" / name).write_text("")
    assert renamed(before, options) == set()
    assert renamed(before, options | {"exclude": []}) == {"api"}


def test_archives_have_what_the_dockerfiles_copy(options: dict[str, Any], tmp_path: Path) -> None:
    contexts = {recipe["key"]: recipe["context"] for recipe in Recipes(options).describe()}
    assert not contexts.pop("base")
    found = {key: set(members(tmp_path / "archives" / context)) for key, context in contexts.items()}
    assert found["nginx"] == {"Dockerfile"}
    assert found["python"] == {"Dockerfile", "requirements.txt", "wheels", "wheels/Django.whl"}
    assert found["api"] == {
        *("Dockerfile", "app", "app/config", "app/config/wsgi.py", "app/manage.py", "app/requirements.txt"),
    }


def test_an_archive_is_written_once_and_is_used_again(options: dict[str, Any], tmp_path: Path) -> None:
    (context,) = (r["context"] for r in Recipes(options).describe() if r["key"] == "python")
    path = tmp_path / "archives" / context
    path.write_text("from before")
    os.utime(path, (1, 1))
    refs(options)
    # Else drop_old would have removed it.
    assert path.read_text() == "from before"
    assert path.stat().st_mtime > time.time() - MAX_AGE_SECONDS


def test_without_a_folder_nothing_is_written(options: dict[str, Any], tmp_path: Path) -> None:
    assert refs(options | {"archives": None, "wheels": None}) == refs(options)
    before = sorted(tmp_path.rglob("*"))
    refs(options | {"archives": None, "wheels": None, "revision": "2"})
    assert sorted(tmp_path.rglob("*")) == before


def test_old_archives_go_and_those_that_are_used_again_stay(options: dict[str, Any], tmp_path: Path) -> None:
    refs(options)
    archives = tmp_path / "archives"
    used = {path.name for path in archives.iterdir()}
    (archives / "unused.tar").touch()
    for path in archives.iterdir():
        os.utime(path, (1, 1))
    refs(options)
    assert {path.name for path in archives.iterdir()} == used


def test_an_archive_that_gets_its_name_meanwhile_is_no_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Path, "iterdir", lambda folder: iter([folder / "archive.4711"]))
    drop_old(tmp_path)


def test_folders_are_open_and_of_modes_only_the_executable_bit_is_kept() -> None:
    content = pack([File("a/b/run.sh", b"", executable=True), File("a/c", b"text", executable=False)])
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        assert [(m.name, m.isdir(), m.mode) for m in archive] == [
            ("a", True, 0o755),
            ("a/b", True, 0o755),
            ("a/b/run.sh", False, 0o755),
            ("a/c", False, 0o644),
        ]


def test_a_single_file_has_the_name_it_is_given(tmp_path: Path) -> None:
    (tmp_path / "lock").write_text("text")
    assert list(files(tmp_path / "lock", "requirements.txt")) == [
        File("requirements.txt", b"text", executable=False)
    ]


def look_up(options: dict[str, Any]) -> list[dict[str, Any]]:
    lookup_loader.add_directory(str(ROLES / "images/lookup_plugins"))
    return list(lookup_loader.get("image_recipes").run([], **options))


def test_the_lookup_returns_the_recipes(options: dict[str, Any]) -> None:
    assert look_up(options) == Recipes(options).describe()


def test_a_missing_folder_is_an_error_in_one_line(options: dict[str, Any]) -> None:
    said = "/nothing/requirements.txt can't be read or written: .*No such file"
    with pytest.raises(AnsibleError, match=said) as caught:
        look_up(options | {"app": "/nothing"})
    assert "\n" not in str(caught.value)
