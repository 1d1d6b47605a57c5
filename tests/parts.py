"""Runs the parts of the proof that it is asked for, one after the other, and says where the time went.

It goes on after a part that failed, as the others may fail for other reasons. It installs the packages that
the parts need, so it imports none of them.
"""

from __future__ import annotations

import difflib
import os
import secrets
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
DATABASE = REPOSITORY / ".cache/test-database"
DATABASE_NAME, DATABASE_PORT = "django-test-database", 55432


def run(*command: str | Path, folder: Path = REPOSITORY, **environment: str) -> bool:
    """Run a program in the virtual environment; tell whether it succeeded."""
    virtual = REPOSITORY / ".venv"
    ours = {"VIRTUAL_ENV": str(virtual), "PATH": f"{virtual}/bin:{os.environ['PATH']}"}
    # As in bin/venv: else each process compiles all of its modules again.
    ours["PYTHONDONTWRITEBYTECODE"] = ""
    return (
        subprocess.run(command, cwd=folder, env=os.environ | ours | environment, check=False).returncode == 0
    )


def run_pytest(folder: Path = REPOSITORY, **environment: str) -> bool:
    """Run tests side by side, in one process more than there are cores, as some tests wait."""
    words = ["-p", "xdist", f"--numprocesses={(os.cpu_count() or 1) + 1}", "--dist=worksteal"]
    words.append("--durations=10")
    return run("pytest", *words, folder=folder, **environment)


def test_unit() -> bool:
    # Plugins that other parts need are left out: each process would take seconds to load them.
    return run_pytest(PYTEST_DISABLE_PLUGIN_AUTOLOAD="1")


def test_app() -> bool:
    with database() as environment:
        return bool(environment) and run_pytest(REPOSITORY / "app", **environment)


@contextmanager
def database() -> Iterator[dict[str, str]]:
    """Run the database of the app's tests; give the environment that leads to it, or none if it fails."""
    DATABASE.mkdir(parents=True, exist_ok=True)
    password = DATABASE / "client"
    password.write_text(secrets.token_urlsafe())
    settings = f"database_dir={DATABASE} database_name={DATABASE_NAME} database_port={DATABASE_PORT}"
    words = ["--inventory=inventories/local", f"--extra-vars={settings}"]
    words += [f"--extra-vars=database_password={{{{ lookup('ansible.builtin.file', '{password}') }}}}"]
    try:
        if run("ansible-playbook", "tests/app/database.yml", *words):
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
        run("docker", "rm", "--force", "--volumes", DATABASE_NAME)
        shutil.rmtree(DATABASE)


def scenario(name: str) -> Callable[[], bool]:
    return lambda: run("molecule", "test", "--scenario-name", name)


@dataclass(frozen=True)
class Part:
    what: str
    run: Callable[[], bool]
    needs_root: bool = True


# In this order: what is quick, then what refuses a machine that was deployed to.
PARTS = {
    "lint": Part("linters and type checkers", lambda: run("bin/lint"), needs_root=False),
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
WITHOUT_NAMES = ["lint", "unit", "app", "quick"]
ALL = [name for name in PARTS if name != "quick"]

HELP = f"""usage: bin/test [NAME...]

Runs the parts of that name, one after the other. Without a name: {" ".join(WITHOUT_NAMES)}.
As root, but for lint and unit; on a machine that was not deployed to.

{chr(10).join(f"  {name:10} {part.what}" for name, part in PARTS.items())}
  {"all":10} all of these but quick, whose tests are in the others"""


@dataclass(frozen=True)
class Result:
    name: str
    passed: bool
    seconds: float


def chosen(names: list[str]) -> list[str]:
    """Return the parts that were asked for, each once, in their order.

    Raises:
        ValueError: There is no part of a name; says so in one line.
    """
    for name in names:
        if name not in PARTS and name != "all":
            near = difflib.get_close_matches(name, [*PARTS, "all"], n=1)
            hint = f"did you mean {near[0]}?" if near else f"choose from {', '.join([*PARTS, 'all'])}."
            raise ValueError(f"{name} is unknown, {hint}")
    wanted = set(names or WITHOUT_NAMES)
    if "all" in wanted:
        wanted |= set(ALL)
    return [name for name in PARTS if name in wanted]


def clock(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02}"


def report(results: list[Result]) -> str:
    """Say where the time went, slowest first, and what failed."""
    slowest_first = sorted(results, key=lambda result: -result.seconds)
    lines = [
        f"{clock(one.seconds):>6}  {one.name}{'' if one.passed else '  FAILED'}" for one in slowest_first
    ]
    lines.append(f"{clock(sum(one.seconds for one in results)):>6}  in all")
    failed = [one.name for one in results if not one.passed]
    return "\n".join(["", *lines, *(f"Failed: {name}. Repeat it with: bin/test {name}" for name in failed)])


def main(arguments: list[str]) -> int:
    if {"-h", "--help"} & set(arguments):
        print(HELP)
        return 0
    try:
        names = chosen(arguments)
    except ValueError as error:
        print(f"test: {error}", file=sys.stderr)
        return 2
    if os.geteuid() != 0 and any(PARTS[name].needs_root for name in names):
        print("test: the test hosts need root on this machine: run sudo bin/test", file=sys.stderr)
        return 2
    if not run("bash", "-c", ". bin/venv && venv test"):
        return 1
    results: list[Result] = []
    begin = time.monotonic()
    for name in names:
        start = time.monotonic()
        print(f"\n=== {clock(start - begin)}  {name}: {PARTS[name].what}", flush=True)
        passed = PARTS[name].run()
        results.append(Result(name, passed, time.monotonic() - start))
    print(report(results))
    return int(not all(result.passed for result in results))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
