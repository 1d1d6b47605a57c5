"""What an engine says of its images is understood, whichever engine it is."""

from __future__ import annotations

import pytest
from ansible.module_utils.images import stock
from ansible.module_utils.images.stock import (
    ARRIVING,
    FOR_OTHERS,
    Image,
    has,
    other,
    ours,
    parse_image,
    plain,
)
from image_engine import Engine

TAG = "0123456789abcdef"


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Engine:
    """A stand-in for Docker, without images."""
    return Engine().install(monkeypatch)


def test_an_image_is_read() -> None:
    said = {
        "Id": "sha256:4711",
        "RepoTags": ["web/api:1", "web/api:2"],
        "RepoDigests": ["web/api@sha256:4712"],
        "Created": "2026-01-01T00:00:00Z",
        "RootFS": {"Layers": ["sha256:a", "sha256:b"]},
        "GraphDriver": {"Name": "overlay2"},
    }
    assert parse_image(said) == Image(
        id="sha256:4711",
        names=frozenset({"web/api:1", "web/api:2", "web/api@sha256:4712"}),
        created="2026-01-01T00:00:00Z",
        layers=("sha256:a", "sha256:b"),
        driver="overlay2",
    )


@pytest.mark.parametrize(
    "said",
    [{}, {"RepoTags": None, "RepoDigests": None, "Created": None, "RootFS": None, "GraphDriver": None}],
)
def test_what_an_engine_leaves_out_is_empty(said: dict[str, None]) -> None:
    assert parse_image({"Id": "sha256:4711"} | said) == Image("sha256:4711", frozenset(), "", (), "")


def test_an_engine_without_images_has_none(engine: Engine) -> None:
    assert stock.images() == []


def test_an_image_with_two_names_is_one_image(engine: Engine) -> None:
    engine.add("web/api:1", b"layer")
    engine.images["web/api:2"] = engine.images["web/api:1"]
    (image,) = stock.images()
    assert image.names == {"web/api:1", "web/api:2"}


def test_an_image_that_somebody_removes_meanwhile_is_left_out(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine.add("web/api:1", b"layer")
    gone = "sha256:gone"
    listed = "\n".join([gone, engine.images["web/api:1"].id])
    monkeypatch.setattr(stock, "docker", lambda *_: listed)
    assert [image.names for image in stock.images()] == [{"web/api:1"}]


def test_an_engine_is_asked_for_names_that_it_may_spell_otherwise(engine: Engine) -> None:
    engine.add("nginx:1.28", b"layer")
    known = stock.images()
    engine.add("docker.io/library/nginx:1.28", b"layer")
    assert has("nginx:1.28", known)
    assert has("docker.io/library/nginx:1.28", known)
    assert not has("nginx:1.29", known)


def test_other_purposes_have_other_names() -> None:
    assert other("registry:5000/web/api:1", FOR_OTHERS) == "registry:5000/web/api-for-others:1"
    assert plain(other("web/api:1", ARRIVING)) == "web/api:1"


def test_only_whole_names_of_ours_count() -> None:
    names = {
        f"web/{key}{purpose}:{TAG}" for key in ("base", "api") for purpose in ("", "-for-others", "-arriving")
    }
    theirs = {f"web/db:{TAG}", "web/api:latest", f"web/api:{TAG}0", f"webb/api:{TAG}", f"other/web/api:{TAG}"}
    known = [Image("id", frozenset(names | theirs), "", (), "")]
    assert ours("web", known) == [f"web/api:{TAG}", f"web/base:{TAG}"]
    assert ours("web", known, FOR_OTHERS) == [f"web/api-for-others:{TAG}", f"web/base-for-others:{TAG}"]
    # A point in the namespace is a point.
    assert ours("w.b", known) == []
