import os
import re
import stat
import struct
import zlib
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from PIL import Image
from pytest_django import DjangoCaptureOnCommitCallbacks
from rest_framework.test import APIClient

from movies.models import Film
from movies.posters import MAX_BYTES, MAX_PIXELS
from tests.conftest import MakeFilm, MakeImage

SERVER_CHOSEN = r"posters/[0-9a-f]{32}\.%s"

# What the admin's form says of the rows below it.
NO_CREDITS = {"credits-TOTAL_FORMS": 0, "credits-INITIAL_FORMS": 0}


def files(media: Path) -> list[str]:
    return [str(path.relative_to(media)) for path in media.rglob("*") if path.is_file()]


@pytest.mark.parametrize(("image_format", "ending"), [("PNG", "png"), ("JPEG", "jpg"), ("WEBP", "webp")])
def test_upload_comes_back_byte_for_byte(
    editor: APIClient, make_film: MakeFilm, make_image: MakeImage, media: Path, image_format: str, ending: str
) -> None:
    film = make_film("Drama")
    image = make_image("anything.gif", image_format)

    answer = editor.patch(f"/api/movies/{film.pk}", {"poster": image}, format="multipart")

    assert answer.status_code == 200
    assert answer.json()["genres"] == ["Drama"]
    [stored] = files(media)
    assert re.fullmatch(SERVER_CHOSEN % ending, stored)
    assert answer.json()["poster"] == f"http://testserver/static/media/{stored}"
    image.seek(0)
    assert (media / stored).read_bytes() == image.read()


@pytest.mark.parametrize("method", ["post", "put"])
def test_film_with_poster_in_one_request(
    editor: APIClient, make_film: MakeFilm, make_image: MakeImage, method: str
) -> None:
    film = make_film("Drama", "War")
    address = "/api/movies" if method == "post" else f"/api/movies/{film.pk}"
    form = {
        "title": "Alien",
        "year": 1979,
        "rating": "8.5",
        "genres": ["Drama", "War"],
        "poster": make_image(),
    }

    answer = getattr(editor, method)(address, form, format="multipart")

    assert answer.status_code in {200, 201}
    assert answer.json()["genres"] == ["Drama", "War"]
    assert Film.objects.get(pk=answer.json()["id"]).poster.size > 0


@pytest.mark.parametrize("folders", ["../../../", "/etc/", "..\\\\..\\\\", "..&#47;"])
def test_names_of_clients_lead_nowhere(
    editor: APIClient, make_film: MakeFilm, make_image: MakeImage, media: Path, folders: str
) -> None:
    film = make_film()
    image = make_image()
    # By hand, because the test client would itself take the folders out of the name.
    body = (
        b'--b\r\nContent-Disposition: form-data; name="poster"; filename="FOLDERSevil.png"\r\n'
        b"Content-Type: image/png\r\n\r\n" + image.read() + b"\r\n--b--\r\n"
    )

    def patch(body: bytes) -> Any:
        content_type = "multipart/form-data; boundary=b"
        return editor.patch(f"/api/movies/{film.pk}", body, content_type=content_type)

    answer = patch(body.replace(b"FOLDERS", folders.encode()))
    assert answer.status_code == 400
    assert "the name of a file has a folder in it" in answer.json()["detail"]
    assert files(media) == []

    # Without the folders, the name is still not ours to keep.
    assert patch(body.replace(b"FOLDERS", b"")).status_code == 200
    [stored] = files(media)
    assert re.fullmatch(SERVER_CHOSEN % "png", stored)
    assert not list(media.parent.rglob("evil*"))


def test_other_users_may_read(
    editor: APIClient, make_film: MakeFilm, make_image: MakeImage, media: Path
) -> None:
    before = os.umask(0o077)
    try:
        editor.patch(f"/api/movies/{make_film().pk}", {"poster": make_image()}, format="multipart")
    finally:
        os.umask(before)

    [stored] = files(media)
    assert stat.S_IMODE((media / stored).stat().st_mode) == 0o644
    assert stat.S_IMODE((media / "posters").stat().st_mode) == 0o755


def of_type_gif(make_image: MakeImage) -> SimpleUploadedFile:
    return make_image("poster.gif", "GIF")


def not_an_image(_make_image: MakeImage) -> SimpleUploadedFile:
    return SimpleUploadedFile("poster.png", b"<?php echo 1; ?>", "image/png")


def a_cut_off_image(make_image: MakeImage) -> SimpleUploadedFile:
    return SimpleUploadedFile("poster.png", make_image().read()[:-20], "image/png")


def of_size(make_image: MakeImage, size: int) -> SimpleUploadedFile:
    """An image with a comment that makes it as large as that."""
    content = make_image().read()
    comment = png_chunk(b"prVt", bytes(size - len(content) - 12))
    return SimpleUploadedFile("poster.png", content[:-12] + comment + content[-12:], "image/png")


def too_large(make_image: MakeImage) -> SimpleUploadedFile:
    return of_size(make_image, MAX_BYTES + 1)


def png_chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png_of(width: int, height: int) -> SimpleUploadedFile:
    """A few bytes that say that they are an image of this size."""
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    pixels = zlib.compress(b"")
    content = b"".join(
        png_chunk(kind, data) for kind, data in ((b"IHDR", header), (b"IDAT", pixels), (b"IEND", b""))
    )
    return SimpleUploadedFile("poster.png", b"\x89PNG\r\n\x1a\n" + content, "image/png")


def of_many_pixels(_make_image: MakeImage) -> SimpleUploadedFile:
    return png_of(4096, 4097)


def a_bomb(_make_image: MakeImage) -> SimpleUploadedFile:
    return png_of(50_000, 50_000)


def animated(image_format: str) -> Callable[[MakeImage], SimpleUploadedFile]:
    def make(_make_image: MakeImage) -> SimpleUploadedFile:
        content = BytesIO()
        first, second = (Image.new("RGB", (8, 12), colour) for colour in ("red", "blue"))
        first.save(content, image_format, save_all=True, append_images=[second])
        return SimpleUploadedFile(f"poster.{image_format.lower()}", content.getvalue(), "image/png")

    return make


def with_a_page_behind(image_format: str) -> Callable[[MakeImage], SimpleUploadedFile]:
    def make(make_image: MakeImage) -> SimpleUploadedFile:
        content = make_image("poster.png", image_format).read() + b"<script>alert(1)</script>"
        return SimpleUploadedFile("poster.png", content, "image/png")

    return make


def a_cut_off_jpeg(make_image: MakeImage) -> SimpleUploadedFile:
    return SimpleUploadedFile("poster.jpg", make_image("poster.jpg", "JPEG").read()[:-2], "image/jpeg")


def a_drawing(_make_image: MakeImage) -> SimpleUploadedFile:
    content = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
    return SimpleUploadedFile("poster.png", content, "image/png")


def named_as_a_page(make_image: MakeImage) -> SimpleUploadedFile:
    return SimpleUploadedFile("poster.html", make_image().read(), "image/png")


@pytest.mark.parametrize(
    ("bad", "error"),
    [
        (of_type_gif, "of type GIF: upload one of type JPEG, PNG, WEBP"),
        (not_an_image, "not an image or a corrupted image"),
        (a_cut_off_image, "not an image or a corrupted image"),
        (too_large, f"at most {MAX_BYTES} are allowed"),
        (of_many_pixels, f"has 4096 x 4097 pixels, at most {MAX_PIXELS} are allowed"),
        (a_bomb, "not an image or a corrupted image"),
        (animated("PNG"), "The image is animated"),
        (animated("WEBP"), "The image is animated"),
        (with_a_page_behind("PNG"), "The file goes on after the image"),
        (with_a_page_behind("JPEG"), "The file goes on after the image"),
        (with_a_page_behind("WEBP"), "The file goes on after the image"),
        (a_cut_off_jpeg, "or ends within it"),
        (a_drawing, "not an image or a corrupted image"),
        (named_as_a_page, "extension “html” is not allowed"),
    ],
)
@pytest.mark.parametrize("way", ["api", "admin"])
def test_bad_posters_are_refused(
    editor: APIClient,
    admin_client: Client,
    collected_static: Path,
    make_film: MakeFilm,
    make_image: MakeImage,
    media: Path,
    bad: object,
    error: str,
    way: str,
) -> None:
    film = make_film()
    assert callable(bad)
    upload = bad(make_image)

    if way == "api":
        answer = editor.patch(f"/api/movies/{film.pk}", {"poster": upload}, format="multipart")
        assert answer.status_code == 400
        [said] = answer.json()["errors"]
        assert said["pointer"] == "#/poster"
        assert error in said["detail"]
    else:
        form = {"title": film.title, "year": film.year, "rating": film.rating, "poster": upload} | NO_CREDITS
        page = admin_client.post(f"/admin/movies/film/{film.pk}/change/", form)
        assert error in page.context["adminform"].errors["poster"][0]
    assert files(media) == []


def of_largest_size(make_image: MakeImage) -> SimpleUploadedFile:
    return of_size(make_image, MAX_BYTES)


def of_most_pixels(_make_image: MakeImage) -> SimpleUploadedFile:
    return png_of(4096, 4096)


@pytest.mark.parametrize("good", [of_largest_size, of_most_pixels])
def test_largest_poster(
    editor: APIClient,
    make_film: MakeFilm,
    make_image: MakeImage,
    media: Path,
    good: Callable[[MakeImage], SimpleUploadedFile],
) -> None:
    upload = good(make_image)

    answer = editor.patch(f"/api/movies/{make_film().pk}", {"poster": upload}, format="multipart")

    assert answer.status_code == 200
    assert len(files(media)) == 1


def test_admin_uploads(admin_client: Client, make_film: MakeFilm, make_image: MakeImage, media: Path) -> None:
    film = make_film("Drama")
    form = {
        "title": "Alien",
        "year": 1979,
        "rating": 8.5,
        "genres": [genre.pk for genre in film.genres.all()],
        "poster": make_image("../x.png"),
        **NO_CREDITS,
    }

    answer = admin_client.post("/admin/movies/film/add/", form)

    assert answer.status_code == 302
    assert files(media) == [Film.objects.get(title="Alien").poster.name]


@pytest.mark.parametrize("method", ["post", "patch"])
def test_of_a_film_that_is_refused_no_poster_stays(
    editor: APIClient,
    make_film: MakeFilm,
    make_image: MakeImage,
    media: Path,
    monkeypatch: pytest.MonkeyPatch,
    method: str,
) -> None:
    Film.objects.filter(pk=make_film().pk).update(external_id="tt0000001")
    address = "/api/movies" if method == "post" else f"/api/movies/{make_film().pk}"
    form = {"title": "x", "year": 2000, "rating": 1, "external_id": "tt0000001", "poster": make_image()}
    # As when two write the same at once.
    monkeypatch.setattr("rest_framework.validators.qs_exists", lambda _queryset: False)

    assert getattr(editor, method)(address, form, format="multipart").status_code == 409
    assert files(media) == []

    form |= {"external_id": "tt0000002", "poster": make_image()}
    assert getattr(editor, method)(address, form, format="multipart").status_code in {200, 201}
    assert len(files(media)) == 1


def test_what_is_replaced_or_deleted_is_removed(
    editor: APIClient,
    make_film: MakeFilm,
    make_image: MakeImage,
    media: Path,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    address = f"/api/movies/{make_film().pk}"

    def patch(body: dict[str, object], body_format: str) -> list[str]:
        with django_capture_on_commit_callbacks(execute=True):
            assert editor.patch(address, body, format=body_format).status_code == 200
        return files(media)

    [first] = patch({"poster": make_image()}, "multipart")
    assert patch({"title": "Other"}, "json") == [first]
    [second] = patch({"poster": make_image(colour="blue")}, "multipart")
    assert second != first
    assert patch({"poster": None}, "json") == []
    assert editor.get(address).json()["poster"] is None

    [_third] = patch({"poster": make_image()}, "multipart")
    with django_capture_on_commit_callbacks(execute=True):
        assert editor.delete(address).status_code == 204
    assert files(media) == []


def change_in_admin(client: Client, film: Film, poster: object) -> None:
    form = {"title": film.title, "year": film.year, "rating": film.rating, "poster": poster} | NO_CREDITS
    assert client.post(f"/admin/movies/film/{film.pk}/change/", form).status_code == 302


def delete_in_admin(client: Client, film: Film) -> None:
    assert client.post(f"/admin/movies/film/{film.pk}/delete/", {"post": "yes"}).status_code == 302


def delete_selected_in_admin(client: Client, film: Film) -> None:
    form = {"action": "delete_selected", "_selected_action": [film.pk], "post": "yes"}
    # As a browser sends it from a list of films of a genre.
    assert client.post("/admin/movies/film/?genres__isnull=True", form).status_code == 302


@pytest.mark.parametrize("delete", [delete_in_admin, delete_selected_in_admin])
def test_what_the_admin_replaces_or_deletes_is_removed(
    admin_client: Client,
    make_film: MakeFilm,
    make_image: MakeImage,
    media: Path,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
    delete: Callable[[Client, Film], None],
) -> None:
    film, other = make_film(), make_film(title="Other")
    with django_capture_on_commit_callbacks(execute=True):
        change_in_admin(admin_client, other, make_image())
        change_in_admin(admin_client, film, make_image())
    before = files(media)
    assert len(before) == 2

    with django_capture_on_commit_callbacks(execute=True):
        change_in_admin(admin_client, film, make_image(colour="blue"))
    other.refresh_from_db()
    film.refresh_from_db()
    assert set(files(media)) == {other.poster.name, film.poster.name}
    assert film.poster.name not in before

    with django_capture_on_commit_callbacks(execute=True):
        delete(admin_client, film)
    assert list(Film.objects.all()) == [other]
    assert files(media) == [other.poster.name]
