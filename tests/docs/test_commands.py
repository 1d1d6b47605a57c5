"""Each command, path, option, variable and message that a document names is there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import documents
import pytest
from project import REPOSITORY

Check = Callable[[str, Path], list[str]]

CHECKED = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "app/README.md", "bench/README.md"]
CHECKED += sorted(f"docs/{path.name}" for path in (REPOSITORY / "docs").glob("*.md"))
CHECKS: list[Check] = [
    documents.wrong_links,
    documents.wrong_commands,
    documents.wrong_code,
    documents.wrong_defaults,
    documents.wrong_messages,
]
# Names that there were once are what a changelog is about.
HISTORY = {documents.wrong_code}


@pytest.mark.parametrize("name", CHECKED)
def test_what_a_document_names_is_there(name: str) -> None:
    path = REPOSITORY / name
    checks = [check for check in CHECKS if name != "CHANGELOG.md" or check not in HISTORY]
    assert [problem for check in checks for problem in check(path.read_text(), path)] == []


def console(command: str) -> str:
    return f"```console\n$ {command}\n```\n"


def setting(name: str, default: str) -> str:
    return f"| | default | |\n|---|---|---|\n| `{name}` | {default} | what it is |\n"


def message(text: str) -> str:
    return f"| message | meaning |\n|---|---|\n| `{text}` | what it is |\n"


@pytest.mark.parametrize(
    ("check", "right", "wrong"),
    [
        (documents.wrong_links, "[a](docs/operating.md#logs)", "[a](docs/operating.md#lugs)"),
        (documents.wrong_links, "[a](docs/operating.md)", "[a](docs/operations.md)"),
        (documents.wrong_links, "![a](docs/bench.svg)", "![a](docs/bank.svg)"),
        (documents.wrong_commands, console("bin/deploy"), console("bin/deplay")),
        (
            documents.wrong_commands,
            console("bin/deploy -i inventories/prod"),
            console("bin/deploy -i inventories/x"),
        ),
        (documents.wrong_commands, console("bin/deploy --check --diff"), console("bin/deploy --chack")),
        (
            documents.wrong_commands,
            console("bin/deploy --tags release"),
            console("bin/deploy --tags releases"),
        ),
        (documents.wrong_commands, console("bin/deploy -e release=x"), console("bin/deploy -e relase=x")),
        (
            documents.wrong_commands,
            console("""bin/deploy -e '{"stack_http_port": 80}'"""),
            console("""bin/deploy -e '{"stack_https_port": 80}'"""),
        ),
        (
            documents.wrong_commands,
            console("ansible-playbook playbooks/rollback.yml"),
            console("ansible-playbook playbooks/rollbeck.yml"),
        ),
        (documents.wrong_commands, console("molecule test -s vm"), console("molecule test -s wm")),
        (documents.wrong_commands, console("true && bin/test vm"), console("true && bin/test wm")),
        (
            documents.wrong_commands,
            console('docker exec "$(docker ps -q)" python manage.py ensure_admin'),
            console('docker exec "$(docker ps -q)" python manage.py ensure_admim'),
        ),
        (documents.wrong_commands, console("pytest tests/docs"), console("pytest tests/dogs")),
        (
            documents.wrong_commands,
            console("journalctl --unit django-watchdog"),
            console("journalctl --unit django-watchcat"),
        ),
        (documents.wrong_commands, console("cd /srv/django/stack"), console("cd /srv/django/stuck")),
        (documents.wrong_code, "`stack_http_port`", "`stack_https_port`"),
        (documents.wrong_code, "`stack_http_port: 80`", "`stack_https_port: 80`"),
        (documents.wrong_code, "`images_refs`", "`images_reefs`"),
        (documents.wrong_code, "`-e uninstall_data=yes`", "`-e uninstal_data=yes`"),
        (documents.wrong_code, "`roles/*/defaults/main.yml`", "`roles/*/default/main.yml`"),
        (documents.wrong_code, "`bin/test all`", "`bin/test al`"),
        (documents.wrong_code, "`/etc/django-nftables/guard.nft`", "`/etc/django-nftables/gourd.nft`"),
        (documents.wrong_code, "`DJANGO_DEBUG`", "`DJANGO_DEBAG`"),
        (documents.wrong_defaults, setting("stack_http_port", "8080"), setting("stack_http_port", "8081")),
        (documents.wrong_defaults, setting("stack_secrets", "`{}`"), setting("stack_secrets", "`[]`")),
        (
            documents.wrong_defaults,
            setting("firewall_enabled", "`true` in `prod`"),
            setting("firewall_enabled", "`false` in `prod`"),
        ),
        (
            documents.wrong_messages,
            message("Docker Engine does not start on …; correct what it says"),
            message("Docker Engine does not stop on …"),
        ),
    ],
)
def test_a_wrong_one_is_noticed(check: Check, right: str, wrong: str) -> None:
    path = REPOSITORY / "README.md"
    assert check(right, path) == []
    assert len(check(wrong, path)) == 1


def test_all_documents_are_checked() -> None:
    """But for those that a tool keeps in a hidden folder, wherever that is."""
    found = [path.relative_to(REPOSITORY) for path in REPOSITORY.glob("**/*.md")]
    shown = {str(path) for path in found if not any(part.startswith(".") for part in path.parts)}
    assert shown == set(CHECKED)
