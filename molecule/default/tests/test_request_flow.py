"""The way of a request, as a client of the host sees it."""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from conftest import FILM, PORT, Answer, Target, wait_until

STYLE = re.compile(r'href="(/static/static/[^"]+\.css)"')
HASHED = re.compile(r"\.[0-9a-f]{12}\.css$")

# Begins many requests whose bodies never come, then asks for a film on other connections: prints how many of
# those got no answer in 5 s. Django reads the body of a login with such a cookie before anything else.
SLOW_CLIENTS = """
import http.client, socket, sys, time
address, port, path = sys.argv[1], int(sys.argv[2]), sys.argv[3]
begun = (
    "POST /admin/login/ HTTP/1.1\\r\\nHost: localhost\\r\\nContent-Length: 1000\\r\\n"
    + "Cookie: csrftoken=" + 32 * "a" + "\\r\\nContent-Type: application/x-www-form-urlencoded\\r\\n\\r\\na"
)
slow = [socket.create_connection((address, port)) for _ in range(300)]
for client in slow:
    client.sendall(begun.encode())
time.sleep(1)
quick = [http.client.HTTPConnection(address, port, timeout=5) for _ in range(40)]
for client in quick:
    client.request("GET", path, headers={"Host": "localhost"})
deadline, unanswered = time.monotonic() + 5, 0
for client in quick:
    client.sock.settimeout(max(0.01, deadline - time.monotonic()))
    try:
        assert client.getresponse().status == 200
    except TimeoutError:
        unanswered += 1
print(unanswered)
"""

# The mistake that the stack's configuration avoids: no slash after the location.
LEAKY_NGINX = """
pid /tmp/nginx.pid;
events {}
http {
    access_log off;
    client_body_temp_path /tmp/body;
    proxy_temp_path /tmp/proxy;
    fastcgi_temp_path /tmp/fastcgi;
    uwsgi_temp_path /tmp/uwsgi;
    scgi_temp_path /tmp/scgi;
    server {
        listen 8000;
        location /static/static { alias /vol/static/; }
    }
}
"""
LEAKY_PORT = 8081


def png(shade: int) -> bytes:
    """Return an image of one grey pixel."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)
    pixels = zlib.compress(bytes([0, shade]))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


POSTER = png(200)


def upload(target: Target, poster: bytes) -> Answer:
    boundary = "a-boundary"
    body = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="poster"; filename="poster.png"\r\n'
        "Content-Type: image/png\r\n\r\n"
    ).encode() + poster
    return target.request(
        FILM,
        "PATCH",
        body + f"\r\n--{boundary}--\r\n".encode(),
        target.admin() | {"Content-Type": f"multipart/form-data; boundary={boundary}"},
    )


@pytest.fixture
def poster(target: Target) -> Iterator[str]:
    """Give a film a poster; return the path of its address."""
    answer = upload(target, POSTER)
    assert answer.status == 200, answer.text
    yield urlsplit(answer.json["poster"]).path
    assert target.change(FILM, poster=None).status == 200


@pytest.fixture
def style(target: Target) -> str:
    """Return the path of a style sheet of the admin's login page."""
    found = STYLE.search(target.request("/admin/login/").text)
    assert found
    return found[1]


def test_a_film_is_json_at_once(target: Target) -> None:
    answer = target.request(FILM)
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.json["id"] == 1
    assert answer.json["title"]


def test_nginx_is_whom_the_client_meets(target: Target) -> None:
    assert target.request(FILM).headers["server"].startswith("nginx")


def test_links_to_further_pages_keep_the_port(target: Target) -> None:
    link = target.request("/api/movies").json["next"]
    assert link.startswith(f"http://{target.address}:{PORT}/api/movies?")
    following = urlsplit(link)
    answer = target.request(f"{following.path}?{following.query}")
    assert answer.status == 200
    assert answer.json["results"]


def test_the_login_page_has_its_styles(target: Target) -> None:
    page = target.request("/admin/login/")
    assert page.status == 200
    styles = STYLE.findall(page.text)
    assert styles
    for path in styles:
        assert HASHED.search(path), path
        answer = target.request(path)
        assert answer.status == 200
        assert answer.headers["content-type"].startswith("text/css")
        file = target.run(
            "docker exec %s cat %s", target.name_of("api"), path.replace("/static/static", "/vol/web/static")
        )
        assert answer.text.rstrip("\n") == file.rstrip("\n")


def test_a_poster_comes_back_byte_for_byte(target: Target, poster: str) -> None:
    assert poster.startswith("/static/media/")
    answer = target.request(poster)
    assert answer.status == 200
    assert answer.headers["content-type"] == "image/png"
    assert answer.body == POSTER


def test_nginx_serves_files_while_the_api_is_down(target: Target, poster: str, style: str) -> None:
    target.run("docker stop %s", target.name_of("api"))
    try:
        assert target.request(FILM).status in {502, 504}
        assert target.request(style).status == 200
        assert target.request(poster).body == POSTER
    finally:
        target.run("docker start %s", target.name_of("api"))
        wait_until("the stack is healthy", target.is_healthy)
    assert target.request(FILM).status == 200


@pytest.mark.parametrize(
    "headers", [{}, {"Authorization": "Basic YWRtaW46d3Jvbmc="}], ids=["nobody", "wrong"]
)
def test_who_is_not_known_writes_nothing(target: Target, headers: dict[str, str]) -> None:
    before = target.request(FILM).json
    answer = target.request(FILM, "PATCH", b'{"title": "x"}', headers | {"Content-Type": "application/json"})
    assert answer.status in {401, 403}
    assert target.request(FILM).json == before


def test_the_admin_writes(target: Target) -> None:
    before = target.request(FILM).json["title"]
    for title in ("Another title", before):
        assert target.change(FILM, title=title).status == 200
        assert target.request(FILM).json["title"] == title


def test_health_is_asked_from_inside_alone(target: Target) -> None:
    assert target.request("/health/ready").status == 404
    ask = "import urllib.request as r; print(r.urlopen('http://127.0.0.1:9000/health/ready').status)"
    assert target.run("docker exec %s python -c %s", target.name_of("api"), ask) == "200"


def detours(style: str) -> list[str]:
    """Return ways to a file that would leave the folder of their location, and come back into it."""
    name = style.removeprefix("/static/static/")
    return [
        f"/static/static../static/{name}",
        f"/static/static%2e%2e/static/{name}",
        f"/static/media../static/{name}",
        f"/static/media/..%2f..%2fstatic/{name}",
        f"/static/media/..%5c..%5cstatic/{name}",
        "/static/static/../../etc/passwd",
        "/static/media/../../../../etc/passwd",
        "/static/media/..%2f..%2f..%2fetc/passwd",
    ]


def test_no_detour_leaves_the_folders(target: Target, style: str) -> None:
    found = {path: target.request(path).status for path in detours(style)}
    assert set(found.values()) <= {400, 403, 404}, found


@pytest.fixture
def leaky_nginx(target: Target) -> Iterator[None]:
    """Run the stack's nginx image with a configuration that leaks, next to the stack."""
    name = "molecule-leaky-nginx"
    target.run(f"mkdir -p /run/{name}")
    target.run(f"printf %s %s > /run/{name}/nginx.conf", "%s", LEAKY_NGINX)
    target.run(
        f"docker run --detach --rm --name {name} --publish {LEAKY_PORT}:8000 --tmpfs /tmp"
        f" --volume /run/{name}:/run/leaky:ro --volume django_static-data:/vol/static:ro"
        " %s nginx -e stderr -c /run/leaky/nginx.conf -g 'daemon off;'",
        target.container("nginx")["Config"]["Image"],
    )
    wait_until(
        "the leaky nginx listens", lambda: target.host.socket(f"tcp://0.0.0.0:{LEAKY_PORT}").is_listening
    )
    yield
    target.run(f"docker rm --force {name}")
    target.run(f"rm -r /run/{name}")


def test_a_leak_would_be_found(target: Target, leaky_nginx: None, style: str) -> None:
    found = {path: target.request(path, port=LEAKY_PORT).status for path in detours(style)}
    assert 200 in found.values(), found


def test_slow_clients_keep_nginx_busy_and_not_gunicorn(target: Target) -> None:
    unanswered = target.outside.check_output(
        "python3 -c %s %s %s %s", SLOW_CLIENTS, target.address, str(PORT), FILM
    )
    assert int(unanswered) == 0


def test_slow_clients_would_keep_gunicorn_busy(target: Target) -> None:
    api = target.container("api")["NetworkSettings"]["Networks"]["django_backend"]["IPAddress"]
    assert int(target.run("python3 -c %s %s %s %s", SLOW_CLIENTS, api, "9000", FILM)) > 0
    wait_until("gunicorn has dropped them", lambda: target.request(FILM).status == 200)
