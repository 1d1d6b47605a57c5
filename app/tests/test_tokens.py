from base64 import b64encode
from datetime import timedelta

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.core.management import call_command
from django.utils import timezone
from knox.models import AuthToken
from pytest_django import Settings
from rest_framework.test import APIClient

from api import tokens
from movies.editors import make_editors
from tests.conftest import MakeFilm

ADDRESS = "/api/tokens"


def with_header(value: str) -> APIClient:
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=value)
    return client


def with_password(name: str, password: str = "of the tests") -> APIClient:
    return with_header(f"Basic {b64encode(f'{name}:{password}'.encode()).decode()}")


@pytest.fixture
def user(db: None) -> User:
    user = User.objects.create_user("robot", password="of the tests")
    user.groups.add(Group.objects.get(name="editors"))
    return user


@pytest.fixture
def token(user: User) -> str:
    answer = with_password("robot").post(ADDRESS)
    assert answer.status_code == 201
    assert answer["Cache-Control"] == "no-store"
    return str(answer.json()["token"])


def test_a_token_opens_what_its_user_may(make_film: MakeFilm, token: str) -> None:
    address = f"/api/movies/{make_film().pk}"

    assert with_header(f"Token {token}").patch(address, {"year": 1928}, format="json").status_code == 200
    for wrong in (f"Token {token[:-1]}x", f"Token {token[:20]}", "Token \xff", "Token", f"Bearer {token}"):
        answer = with_header(wrong).patch(address, {"year": 1929}, format="json")
        assert answer.status_code == 401
        assert answer["WWW-Authenticate"] == 'Basic realm="api"'


def test_it_is_shown_once_and_kept_as_a_hash(token: str) -> None:
    [row] = AuthToken.objects.values()
    assert token not in str(row)

    [listed] = with_header(f"Token {token}").get(ADDRESS).json()
    assert listed.keys() == {"id", "created_at", "expires_at"}
    assert token.startswith(listed["id"])
    assert len(token) - len(listed["id"]) >= 32


def test_it_expires(settings: Settings, token: str) -> None:
    client = with_header(f"Token {token}")
    row = AuthToken.objects.get()
    assert row.expiry - row.created == pytest.approx(timedelta(hours=168), abs=timedelta(seconds=1))
    assert client.get(ADDRESS).status_code == 200

    AuthToken.objects.update(expiry=timezone.now())

    assert client.get(ADDRESS).status_code == 401


def test_it_ends_with_its_user(user: User, token: str) -> None:
    User.objects.update(is_active=False)

    assert with_header(f"Token {token}").get(ADDRESS).status_code == 401


def test_a_token_does_not_bring_forth_another(token: str) -> None:
    assert with_header(f"Token {token}").post(ADDRESS).status_code == 401
    assert AuthToken.objects.count() == 1


def test_one_is_revoked_or_all(user: User, token: str) -> None:
    client = with_password("robot")
    User.objects.create_user("other", password="of the tests")
    other = with_header(f"Token {with_password('other').post(ADDRESS).json()['token']}")
    second = client.post(ADDRESS).json()
    third = client.post(ADDRESS).json()

    assert other.delete(f"{ADDRESS}/{second['id']}").status_code == 404
    assert client.delete(f"{ADDRESS}/{second['id']}/").status_code == 204
    assert with_header(f"Token {second['token']}").get(ADDRESS).status_code == 401
    assert len(with_header(f"Token {third['token']}").get(ADDRESS).json()) == 2

    assert client.delete(f"{ADDRESS}/").status_code == 204
    assert with_header(f"Token {token}").get(ADDRESS).status_code == 401
    assert len(other.get(ADDRESS).json()) == 1


def test_there_is_room_for_so_many(token: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokens, "MAX_TOKENS", 2)
    client = with_password("robot")

    assert [client.post(ADDRESS).status_code for _ in range(2)] == [201, 409]
    AuthToken.objects.update(expiry=timezone.now())
    assert client.post(ADDRESS).status_code == 201


@pytest.mark.django_db
@pytest.mark.parametrize("method", ["get", "post", "delete"])
def test_strangers_have_none(method: str) -> None:
    assert getattr(APIClient(), method)(ADDRESS).status_code == 401


@pytest.mark.django_db
def test_a_name_that_no_database_takes() -> None:
    assert with_password("a\0b").get("/api/movies").status_code == 401


@pytest.mark.django_db
def test_editors_may_write_films_and_what_belongs_to_them() -> None:
    group = Group.objects.get(name="editors")
    user = User.objects.create_user("editor")
    user.groups.add(group)

    for name in ("film", "genre", "person"):
        assert user.has_perms([f"movies.{action}_{name}" for action in ("add", "change", "delete", "view")])
    assert not user.has_perm("auth.add_user")

    # What was taken from the group is not given back by the next release.
    group.permissions.clear()
    call_command("migrate", verbosity=0)
    assert not group.permissions.exists()


@pytest.mark.django_db
def test_editors_are_made_with_their_permissions_or_not_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_args: object) -> None:
        raise RuntimeError("on purpose")

    Group.objects.all().delete()
    with monkeypatch.context() as patched:
        patched.setattr(Permission.objects, "using", fail)
        with pytest.raises(RuntimeError):
            make_editors("default")

    make_editors("default")
    assert Group.objects.get().permissions.count() == 12
