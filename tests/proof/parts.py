"""The parts of the proof, and the programs that they run.

The packages that these need are not there before, so nothing here imports one.
"""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

REPOSITORY = Path(__file__).resolve().parents[2]
DATABASE = REPOSITORY / ".cache/test-database"
DATABASE_NAME, DATABASE_PORT = "django-test-database", 55432


def run(
    *command: str | Path, output: TextIO | None = None, folder: Path = REPOSITORY, **environment: str
) -> bool:
    """Run a program in the virtual environment; tell whether it succeeded.

    It writes to the output that it is given, else to the screen.
    """
    virtual = REPOSITORY / ".venv"
    ours = {"VIRTUAL_ENV": str(virtual), "PATH": f"{virtual}/bin:{os.environ['PATH']}"}
    # As in bin/venv: else each process compiles all of its modules again.
    ours["PYTHONDONTWRITEBYTECODE"] = ""
    # Else what is written to a file comes long after it happened.
    ours["PYTHONUNBUFFERED"] = "1"
    done = subprocess.run(
        command,
        cwd=folder,
        env=os.environ | ours | environment,
        stdout=output,
        stderr=output and subprocess.STDOUT,
        check=False,
    )
    return done.returncode == 0


def run_pytest(output: TextIO | None, folder: Path = REPOSITORY, **environment: str) -> bool:
    """Run tests side by side, in one process more than there are cores, as some tests wait."""
    words = ["-p", "xdist", f"--numprocesses={(os.cpu_count() or 1) + 1}", "--dist=worksteal"]
    words.append("--durations=10")
    return run("pytest", *words, output=output, folder=folder, **environment)


def test_lint(output: TextIO | None) -> bool:
    return run("bin/lint", output=output)


def test_unit(output: TextIO | None) -> bool:
    # Plugins that other parts need are left out: each process would take seconds to load them.
    return run_pytest(output, PYTEST_DISABLE_PLUGIN_AUTOLOAD="1")


def test_app(output: TextIO | None) -> bool:
    with database(output) as environment:
        return bool(environment) and run_pytest(output, REPOSITORY / "app", **environment)


@contextmanager
def database(output: TextIO | None) -> Iterator[dict[str, str]]:
    """Run the database of the app's tests; give the environment that leads to it, or none if it fails."""
    DATABASE.mkdir(parents=True, exist_ok=True)
    password = DATABASE / "client"
    password.write_text(secrets.token_urlsafe())
    settings = f"database_dir={DATABASE} database_name={DATABASE_NAME} database_port={DATABASE_PORT}"
    words = ["--inventory=inventories/local", f"--extra-vars={settings}"]
    words += [f"--extra-vars=database_password={{{{ lookup('ansible.builtin.file', '{password}') }}}}"]
    try:
        if run("ansible-playbook", "tests/app/database.yml", *words, output=output):
            yield {
                "POSTGRES_HOST": "127.0.0.1",
                "POSTGRES_PORT": str(DATABASE_PORT),
                "POSTGRES_DB": "django",
                "POSTGRES_USER": "django",
                "POSTGRES_PASSWORD_FILE": str(password),
            }
        else:
            yield {}
    finally:
        run("docker", "rm", "--force", "--volumes", DATABASE_NAME, output=output)
        shutil.rmtree(DATABASE)


def scenario(name: str) -> Callable[[TextIO | None], bool]:
    return lambda output: run("molecule", "test", "--scenario-name", name, output=output)


@dataclass(frozen=True)
class Part:
    what: str
    run: Callable[[TextIO | None], bool]
    needs_root: bool = True


# In this order: what is quick, then what refuses a machine that was deployed to.
PARTS = {
    "lint": Part("linters and type checkers", test_lint, needs_root=False),
    "unit": Part("the roles' plugins and the programs", test_unit, needs_root=False),
    "app": Part("the app, on the PostgreSQL that production runs", test_app),
    "quick": Part("one host: ports, requests, rerun, a redeploy under load", scenario("quick")),
    "isolation": Part("two hosts under attack from a neighbour's place", scenario("isolation")),
    "default": Part("bare Debian 12 and 13: ports, requests, rerun, restart", scenario("default")),
    "http": Part("requests of every kind, uploads, slow clients, a browser", scenario("http")),
    "host": Part("containers, secrets, faults, other images and projects, bad input", scenario("host")),
    "redeploy": Part("redeploys, rollbacks, rotations and killed runs under load", scenario("redeploy")),
    "vm": Part("a virtual machine: no internet, its own kernel, a power cut", scenario("vm")),
}
