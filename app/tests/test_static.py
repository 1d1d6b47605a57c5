import gzip
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

from runtime.static_files import SharedStaticFilesStorage
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

    link = re.fullmatch(r"/static/static/(api/icon\.[0-9a-f]{12}\.svg)", address)
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
    contents = ["/* 1 */" * 1000, "/* 2 */" * 1000]
    source = FileSystemStorage(location=tmp_path / "source", allow_overwrite=True)
    storage = storage_class(location=str(tmp_path / "volume"))

    def collect(content: str) -> Path:
        source.save("style.css", ContentFile(content))
        storage.delete("style.css")
        storage.save("style.css", ContentFile(content))
        list(storage.post_process({"style.css": (source, "style.css")}))
        return Path(storage.path(storage.stored_name("style.css")))

    hashed = [collect(content) for content in contents]
    plain = hashed[0].with_name("style.css")
    end, missed = threading.Event(), []

    def read() -> None:
        while not end.is_set():
            for path, expected in ((plain, contents), (hashed[0], contents[:1]), (hashed[1], contents[1:])):
                try:
                    if path.read_text() not in expected:
                        missed.append(path)
                except FileNotFoundError:
                    missed.append(path)

    reader = threading.Thread(target=read)
    reader.start()
    for _ in range(50):
        for content in contents:
            collect(content)
    end.set()
    reader.join()

    assert (missed == []) == safe
    others = {f"{path.name}.gz" for path in hashed} if safe else {"staticfiles.json"}
    assert {path.name for path in plain.parent.iterdir()} == {
        plain.name,
        *(path.name for path in hashed),
        *others,
    }


class Volume:
    """What collectstatic makes of some files."""

    def __init__(self, folder: Path) -> None:
        self.source = FileSystemStorage(location=folder / "source")
        self.folder = folder / "volume"

    def collect(self, **files: str) -> dict[str, Path]:
        """Return by name, which has "_" for ".", where each is under its hashed name."""
        storage = SharedStaticFilesStorage(location=str(self.folder))
        names = {name: name.replace("_", ".") for name in files}
        for name, content in files.items():
            self.source.delete(names[name])
            self.source.save(names[name], ContentFile(content))
            storage.save(names[name], ContentFile(content))
        list(storage.post_process({name: (self.source, name) for name in names.values()}))
        return {name: Path(storage.path(storage.stored_name(names[name]))) for name in files}


@pytest.fixture
def volume(tmp_path: Path, settings: Settings) -> Volume:
    settings.STATIC_MANIFEST_DIR = tmp_path / "manifest"
    return Volume(tmp_path)


def compressed(path: Path) -> Path:
    return path.with_name(f"{path.name}.gz")


def test_hashed_files_are_compressed_beforehand(volume: Volume) -> None:
    link = 'a { background: url("sign.svg") }\n'
    text = "well, well, " * 100
    files = volume.collect(
        sign_svg=text, style_css=link * 100, code_js=text, data_json=text, code_js_map=text, note_txt=text
    )

    for path in files.values():
        # Nothing in it but the content: neither a name nor a time.
        assert compressed(path).read_bytes() == gzip.compress(path.read_bytes(), 9, mtime=0)
        assert stat.S_IMODE(compressed(path).stat().st_mode) == 0o644
    # As it was written, with links to other hashed names.
    assert files["sign_svg"].name in gzip.decompress(compressed(files["style_css"]).read_bytes()).decode()
    # A name without a hash may have another content in the next release.
    assert {path for path in volume.folder.iterdir() if path.suffix == ".gz"} == {
        compressed(path) for path in files.values()
    }


def test_what_gains_nothing_is_not_compressed(volume: Volume) -> None:
    files = volume.collect(
        small_css="a {}", photo_png="0" * 1000, letters_woff2="0" * 1000, archive_gz="0" * 1000
    )

    assert not [path for path in files.values() if compressed(path).exists()]


def test_what_is_there_already_stays_as_it_is(volume: Volume) -> None:
    def collect() -> dict[str, tuple[int, int]]:
        volume.collect(style_css="/* */" * 100, photo_png="0" * 1000)
        return {path.name: (path.stat().st_ino, path.stat().st_mtime_ns) for path in volume.folder.iterdir()}

    assert collect() == collect()


@pytest.mark.parametrize("lost", ["plain", "compressed", "both"])
def test_the_next_start_makes_up_for_what_is_missing(volume: Volume, lost: str) -> None:
    plain = volume.collect(style_css="/* */" * 100)["style_css"]
    for name, path in (("plain", plain), ("compressed", compressed(plain))):
        if lost in (name, "both"):
            path.unlink()

    volume.collect(style_css="/* */" * 100)

    assert gzip.decompress(compressed(plain).read_bytes()) == plain.read_bytes() == b"/* */" * 100


def test_each_release_has_its_own_compressed_file(volume: Volume) -> None:
    releases = [
        volume.collect(style_css=content * 100)["style_css"] for content in ("/* old */", "/* new */")
    ]

    assert releases[0] != releases[1]
    for path, content in zip(releases, (b"/* old */", b"/* new */"), strict=True):
        assert gzip.decompress(compressed(path).read_bytes()) == path.read_bytes() == content * 100
