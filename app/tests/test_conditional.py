"""ETag, If-None-Match and If-Match."""

import threading

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connection
from rest_framework.test import APIClient

from movies.models import Film, Genre
from tests.conftest import MakeFilm


def test_what_is_known_is_not_sent_again(visitor: APIClient, editor: APIClient, make_film: MakeFilm) -> None:
    address = f"/api/movies/{make_film('Drama').pk}"
    first = visitor.get(address)
    tag = first["ETag"]
    assert tag.startswith('"')

    for known in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        again = visitor.get(address, headers={"if-none-match": known})
        assert (again.status_code, again.content, again["ETag"]) == (304, b"", tag)
        assert again["Vary"] == first["Vary"]
    assert visitor.get(address, headers={"if-none-match": '"other"'}).status_code == 200

    # The film itself stays as it was.
    Genre.objects.update(name="Tragedy")
    changed = visitor.get(address, headers={"if-none-match": tag})
    assert changed.status_code == 200
    assert changed["ETag"] != tag


@pytest.mark.parametrize("method", ["put", "patch", "delete"])
def test_what_has_changed_is_not_written_over(editor: APIClient, make_film: MakeFilm, method: str) -> None:
    film = make_film()
    address = f"/api/movies/{film.pk}"
    body = {"title": "Mine", "year": 2000, "rating": 1}
    seen = editor.get(address)["ETag"]
    theirs = editor.patch(address, {"title": "Theirs"}, format="json")
    assert editor.get(address)["ETag"] == theirs["ETag"] != seen

    late = getattr(editor, method)(address, body, format="json", headers={"if-match": seen})
    assert (late.status_code, late.json()["title"]) == (412, "Precondition Failed")
    assert Film.objects.get().title == "Theirs"

    tag = f"W/{theirs['ETag']}"
    good = getattr(editor, method)(address, body, format="json", headers={"if-match": tag})
    assert good.status_code in {200, 204}


@pytest.mark.parametrize("header", ["", "nonsense", '"other"'])
def test_a_condition_that_nothing_meets(editor: APIClient, make_film: MakeFilm, header: str) -> None:
    address = f"/api/movies/{make_film().pk}"

    assert editor.delete(address, headers={"if-match": header}).status_code == 412
    assert editor.delete(address, headers={"if-match": "*"}).status_code == 204


@pytest.mark.parametrize("method", ["put", "patch", "delete"])
def test_what_is_there_is_not_written_over(editor: APIClient, make_film: MakeFilm, method: str) -> None:
    address = f"/api/movies/{make_film().pk}"
    body = {"title": "Mine", "year": 2000, "rating": 1}
    tag = editor.get(address)["ETag"]

    for there in ("*", tag, f'"other", W/{tag}'):
        for seen in ({}, {"if-match": tag}):
            headers = {"if-none-match": there} | seen
            refused = getattr(editor, method)(address, body, format="json", headers=headers)
            assert (refused.status_code, refused["Content-Type"]) == (412, "application/problem+json")
    assert editor.get(address)["ETag"] == tag

    headers = {"if-none-match": '"other"'}
    assert getattr(editor, method)(address, body, format="json", headers=headers).status_code in {200, 204}


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("conditional", [True, False])
def test_of_two_at_once_one_is_told(conditional: bool) -> None:
    user = User.objects.create_user("editor")
    user.user_permissions.set(Permission.objects.filter(codename="change_film"))
    address = f"/api/movies/{Film.objects.create(title='Before', year=2000, rating=1).pk}"
    tag = APIClient().get(address)["ETag"]
    barrier, statuses = threading.Barrier(2), []

    def write(title: str) -> None:
        client = APIClient()
        client.force_authenticate(user)
        barrier.wait()
        headers = {"if-match": tag} if conditional else {}
        statuses.append(client.patch(address, {"title": title}, format="json", headers=headers).status_code)
        connection.close()

    threads = [threading.Thread(target=write, args=(title,)) for title in ("One", "Two")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(statuses) == ([200, 412] if conditional else [200, 200])
