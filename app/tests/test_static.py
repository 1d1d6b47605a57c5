import re
import shutil
import stat
import threading
from pathlib import Path

import pytest
from django.contrib.staticfiles.storage import ManifestStaticFilesStorage
from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage
from django.test import Client
from pytest_django import Settings

from core.static import SharedStaticFilesStorage
from tests.programs import APP, manage_in, only_line

HASHED = r"/static/static/(admin/css/base\.[0-9a-f]{12}\.css)"

SHOW = "from django.templatetags.static import static; print(static('movies/style.css'))"


def test_admin_links_to_hashed_files(client: Client, db: None, collected_static: Path) -> None:
    page = client.get("/admin/login/")

    link = re.search(HASHED, page.text)
    assert link
    assert stat.S_IMODE((collected_static / link[1]).stat().st_mode) == 0o644
    assert stat.S_IMODE((collected_static / "admin").stat().st_mode) == 0o755


def test_the_icon_is_a_hashed_file(client: Client, collected_static: Path) -> None:
    address = client.get("/favicon.ico").headers["Location"]

    link = re.fullmatch(r"/static/static/(core/icon\.[0-9a-f]{12}\.svg)", address)
    assert link
    assert (collected_static / link[1]).exists()


class Release:
    """A copy of the app with a style sheet of its own, on a volume that all of them share."""

    def __init__(self, folder: Path, name: str, manifest: str) -> None:
        self.app = folder / name
        self.environment = {
            "DJANGO_STATIC_ROOT": str(folder / "volume"),
            "DJANGO_STATIC_MANIFEST_DIR": str(folder / manifest),
        }
        shutil.copytree(APP, self.app)
        (self.app / "movies/static/movies").mkdir(parents=True)
        (self.app / "movies/static/movies/style.css").write_text(f"/* {name} */")
        result = manage_in(self.app, "collectstatic", "--noinput", **self.environment)
        assert result.returncode == 0, result.stderr

    def link(self) -> str:
        """As a worker that has just started would write it."""
        result = manage_in(self.app, "shell", "--no-imports", "-c", SHOW, **self.environment)
        return only_line(result.stdout)


@pytest.mark.parametrize(("manifest", "keeps"), [("new-manifest", True), ("old-manifest", False)])
def test_old_release_keeps_its_links(tmp_path: Path, manifest: str, keeps: bool) -> None:
    old = Release(tmp_path, "old", "old-manifest")
    before = old.link()
    new = Release(tmp_path, "new", manifest)

    assert new.link() != before
    assert (old.link() == before) == keeps
    for link, content in ((before, "/* old */"), (new.link(), "/* new */")):
        assert (tmp_path / "volume" / link.removeprefix("/static/static/")).read_text() == content
    assert not (tmp_path / "volume/staticfiles.json").exists()


@pytest.mark.parametrize(
    ("storage_class", "safe"), [(SharedStaticFilesStorage, True), (ManifestStaticFilesStorage, False)]
)
def test_files_are_there_while_they_are_collected_again(
    tmp_path: Path, settings: Settings, storage_class: type[ManifestStaticFilesStorage], safe: bool
) -> None:
    settings.STATIC_MANIFEST_DIR = tmp_path / "manifest"
    content = "/* */" * 1000
    source = FileSystemStorage(location=tmp_path / "source")
    source.save("style.css", ContentFile(content))
    storage = storage_class(location=str(tmp_path / "volume"))

    def collect() -> Path:
        storage.delete("style.css")
        storage.save("style.css", ContentFile(content))
        list(storage.post_process({"style.css": (source, "style.css")}))
        return Path(storage.path(storage.stored_name("style.css")))

    hashed = collect()
    end, missed = threading.Event(), []

    def read() -> None:
        while not end.is_set():
            for path in (hashed, hashed.with_name("style.css")):
                try:
                    if path.read_text() != content:
                        missed.append(path)
                except FileNotFoundError:
                    missed.append(path)

    reader = threading.Thread(target=read)
    reader.start()
    for _ in range(200):
        collect()
    end.set()
    reader.join()

    assert (missed == []) == safe
    assert set(hashed.parent.iterdir()) - {hashed.with_name("staticfiles.json")} == {
        hashed,
        hashed.with_name("style.css"),
    }
