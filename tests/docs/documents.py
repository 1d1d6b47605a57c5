"""Checks of a document, each of which returns what is wrong in it."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import project
import yaml
from markdown_it import MarkdownIt
from markdown_it.token import Token
from project import REPOSITORY

PLACEHOLDER = re.compile(r"NAME|…|\*")
OUR_PREFIXES = ("uninstall_", *(f"{path.name}_" for path in sorted(project.ROLES.iterdir())))
FOLDERS = tuple(f"{path.name}/" for path in sorted(REPOSITORY.glob("[!.]*")) if path.is_dir())
HOST_FOLDERS = ("/etc/", "/srv/", "/run/", "/usr/local/")


def tokens(document: str) -> list[Token]:
    return MarkdownIt("commonmark").enable("table").parse(document)


def inline(document: str, kind: str) -> Iterator[Token]:
    """Yield the tokens of a kind that stand inside a line of text."""
    for token in tokens(document):
        yield from (child for child in token.children or [] if child.type == kind)


def slug(heading: str) -> str:
    """Return the anchor that a heading gets."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def wrong_links(document: str, path: Path) -> list[str]:
    """Name links into the repository that lead nowhere."""
    targets = [str(token.attrs["href"]) for token in inline(document, "link_open")]
    targets += [str(token.attrs["src"]) for token in inline(document, "image")]
    wrong = []
    for target in targets:
        if target.startswith(("http://", "https://")):
            continue
        name, _, anchor = target.partition("#")
        file = (path.parent / name).resolve() if name else path
        if not file.exists():
            wrong.append(f"{target} is not there")
        elif anchor and anchor not in map(slug, re.findall(r"^#+ (.*)$", file.read_text(), re.MULTILINE)):
            wrong.append(f"{target} is no heading there")
    return wrong


def commands(document: str) -> Iterator[str]:
    """Yield each command of the blocks that show a terminal."""
    for token in tokens(document):
        if token.type == "fence" and token.info == "console":
            for line in token.content.replace("\\\n", " ").splitlines():
                if line.startswith("$ "):
                    yield line.removeprefix("$ ")


def words(command: str) -> Iterator[list[str]]:
    """Yield the words of each program that a line of shell starts, $(…) and assignments included."""
    for inner in re.findall(r"\$\(([^()]*)\)", command):
        yield from words(inner)
    lexer = shlex.shlex(command, posix=True, punctuation_chars="|&;<>")
    lexer.whitespace_split = True
    found: list[str] = []
    for word in [*lexer, ";"]:
        if set(word) <= set("|&;"):
            if found:
                yield found
            found = []
        elif found or not re.match(r"^\w+=", word):
            found.append(word)


def wrong_variables(value: str) -> list[str]:
    """Check what follows -e: name=value, or JSON."""
    names = json.loads(value) if value.startswith("{") else dict([value.partition("=")[::2]])
    return [f"-e {name}: no such variable" for name in names if name not in project.variables()]


def wrong_playbook_options(arguments: list[str], known: set[str]) -> list[str]:
    """Check the arguments of ansible-playbook and of what hands its own on to it."""
    wrong = []
    following = iter(arguments)
    for word in following:
        option, has_value, value = word.partition("=") if word.startswith("--") else (word, "", "")
        if not option.startswith("-"):
            wrong += [] if (REPOSITORY / word).is_file() else [f"{word} is no playbook"]
            continue
        if option not in known:
            wrong.append(f"{option} is no option")
        if option in (
            "-i",
            "--inventory",
            "-e",
            "--extra-vars",
            "-t",
            "--tags",
            "--skip-tags",
            "-l",
            "--limit",
            "--bundle",
        ):
            value = value if has_value else next(following, "")
        if option in ("-i", "--inventory") and not (REPOSITORY / value).is_dir():
            wrong.append(f"{value} is no inventory")
        if option in ("-e", "--extra-vars"):
            wrong += wrong_variables(value)
        if option in ("-t", "--tags", "--skip-tags"):
            wrong += [f"{tag} is no tag" for tag in value.split(",") if tag not in project.tags()]
    return wrong


def wrong_words(program: list[str]) -> list[str]:
    """Check one program with its arguments."""
    name, *arguments = program
    if name.startswith("bin/"):
        script = REPOSITORY / name
        if not script.is_file():
            return [f"{name} is not there"]
        own = set(re.findall(r"(?<![\w-])--?[a-z][\w-]*", script.read_text()))
        if name in ("bin/deploy", "bin/bundle"):
            # The first word of a bundle is the file to make.
            passed = arguments[1:] if name == "bin/bundle" else arguments
            return wrong_playbook_options(passed, project.playbook_options() | own)
        known = own | project.words_of(script)
        return [
            f"{name} knows no {word}"
            for word in arguments
            if word not in known and not PLACEHOLDER.search(word) and not (REPOSITORY / word).exists()
        ]
    if name == "ansible-playbook":
        return wrong_playbook_options(arguments, project.playbook_options())
    if name == "molecule":
        named = [after for before, after in pairwise(arguments) if before in ("-s", "--scenario-name")]
        return [f"{scenario} is no scenario" for scenario in named if scenario not in project.scenarios()]
    if name == "pytest":
        return [
            f"{word} is not there"
            for word in arguments
            if "/" in word and not (REPOSITORY / word.split("::")[0]).exists()
        ]
    if "manage.py" in arguments:
        command = arguments[arguments.index("manage.py") + 1]
        return [] if command in project.manage_commands() else [f"manage.py has no command {command}"]
    if name == "journalctl":
        unit = arguments[arguments.index("--unit") + 1]
        return [] if unit == "docker" or unit in project.host_paths() else [f"{unit} is no unit"]
    return [problem for word in arguments for problem in wrong_host_path(word)]


def wrong_host_path(path: str) -> list[str]:
    """Check a path on the host: its folder and each name below it are known to a role."""
    if not path.startswith(HOST_FOLDERS):
        return []
    found = project.host_paths()
    parts = [part for part in path.rstrip("/").split("/") if part]
    for length in range(len(parts), 1, -1):
        if "/" + "/".join(parts[:length]) in found:
            unknown = [part for part in parts[length:] if part not in found and not PLACEHOLDER.search(part)]
            return [f"{path}: no role knows {part}" for part in unknown]
    return [f"{path}: no role knows it"] if path.rstrip("/") not in found else []


def wrong_commands(document: str, _path: Path) -> list[str]:
    """Name what is wrong in the commands that the document shows."""
    return [
        f"$ {command}: {problem}"
        for command in commands(document)
        for program in words(command)
        for problem in wrong_words(program)
    ]


def wrong_code(document: str, path: Path) -> list[str]:
    """Name what is wrong in the code inside of the text: variables, files, paths on the host, commands."""
    wrong = []
    for token in inline(document, "code_inline"):
        code = token.content
        name = re.match(r"^[a-z]\w*", code)
        if name and name[0].startswith(OUR_PREFIXES) and re.match(r"^\w+($|: )", code):
            # PostgreSQL's lock_timeout, for example, is none of a role's.
            known = name[0] in project.variables() or name[0] in project.text("app")
            wrong += [] if known else [f"{code}: no such variable"]
        elif re.match(r"^DJANGO_\w+$", code):
            wrong += [] if code in project.text("app", "roles/stack") else [f"{code}: no such environment"]
        elif code.startswith("-e "):
            wrong += wrong_variables(code.removeprefix("-e ").strip("'"))
        elif code.startswith(("bin/", "molecule test", "ansible-playbook -", "pytest ")) and " " in code:
            wrong += [problem for program in words(code) for problem in wrong_words(program)]
        elif code.startswith(FOLDERS) and " " not in code:
            wrong += wrong_file(code)
        elif " " not in code:
            wrong += wrong_host_path(code)
    return wrong


def wrong_file(name: str) -> list[str]:
    """Check a path in the repository; NAME and * stand for anything."""
    pattern = PLACEHOLDER.sub("*", name).rstrip("/")
    return [] if any(REPOSITORY.glob(pattern)) else [f"{name} is not in the repository"]


def rows(document: str) -> Iterator[list[Token]]:
    """Yield the cells of each row of the tables."""
    cells: list[Token] = []
    for before, token in pairwise(tokens(document)):
        if before.type == "td_open":
            cells.append(token)
        if token.type == "tr_close":
            if cells:
                yield cells
            cells = []


def wrong_defaults(document: str, _path: Path) -> list[str]:
    """Name settings of tables whose second column has another default than the code."""
    wrong = []
    for cells in rows(document):
        names = [child.content for child in cells[0].children or [] if child.type == "code_inline"]
        if len(names) != 1 or names[0] not in project.defaults() or len(cells) < 3:
            continue
        told = re.fullmatch(r"`([^`]+)`|(-?\d+)|`([^`]+)` in `prod`", cells[1].content)
        default: Any = project.defaults()[names[0]]
        # One that is computed has words, or the place that it leads to.
        if told and not (isinstance(default, str) and "{{" in default):
            value = yaml.safe_load(next(group for group in told.groups() if group is not None))
            if value != default:
                wrong.append(f"{names[0]}: the default is {default!r}, not {value!r}")
    return wrong


def wrong_messages(document: str, _path: Path) -> list[str]:
    """Name messages, the first column of a table called "message", that nothing in the project says."""
    said = project.text(
        "roles", "action_plugins", "bundle", "library", "module_utils", "playbooks", "bin", "app"
    )
    # What is put in differs from case to case.
    said = re.sub(r"\{\{.{1,200}?\}\}|\{[^{}]{1,60}\}|\$\w+|\$\{[^}]*\}|\$\([^)]*\)", "…", said).replace(
        '\\"', '"'
    )
    wrong = []
    for head, table in re.findall(r"^(\| message.*\n\|[-|]+\n)((?:\|.*\n?)+)", document, re.MULTILINE):
        assert head
        for message in re.findall(r"^\| `([^`]+)` \|", table, re.MULTILINE):
            pieces = [piece.strip(" .:,") for piece in message.split("…")]
            wrong += [f"nothing says: {piece}" for piece in pieces if piece and piece not in said]
    return wrong
