"""How long it takes to deploy, to stop and to start, and what the stack holds in memory."""

from __future__ import annotations

import json
import os
import re
import shutil
import statistics
from collections.abc import Iterator
from pathlib import Path

from bench.figures import Row, alone, compare
from bench.machines import CACHE, HERE, HOST, PLAIN, REPOSITORY, SMALL, Machine, local, timed

ROUNDS = 3
APP = CACHE / "app"
BY_HAND = CACHE / "by-hand"
# Tasks of a run that are named as those that take the most time.
TASKS = 8
PROFILE = {
    "ANSIBLE_CALLBACKS_ENABLED": "ansible.posix.profile_tasks",
    "PROFILE_TASKS_TASK_OUTPUT_LIMIT": str(TASKS),
    "ANSIBLE_FORCE_COLOR": "0",
}


def first() -> Iterator[Row]:
    """Deploy to bare machines: by hand, and with bin/deploy. Both fetch the app's packages anew."""
    shutil.rmtree(CACHE, ignore_errors=True)
    make_app()
    hand = by_hand()
    ours, _ = deploy(HOST)
    # The wheels are here now: that much sooner the second is ready.
    deploy(SMALL)
    yield compare(
        "first deploy on bare Debian 13", "its unavoidable commands by hand", "s", [(ours, hand)], at_most=1.3
    )


def make_app() -> None:
    """Copy the app, and add what the bench asks it besides."""
    leave_out = shutil.ignore_patterns("__pycache__", ".*_cache")
    shutil.copytree(REPOSITORY / "app", APP, ignore=leave_out)
    shutil.copytree(HERE / "probe", APP / "probe", ignore=leave_out)
    with (APP / "config/settings.py").open("a") as file:
        file.write('\nROOT_URLCONF = "probe.urls"\n')


def change_app(app: Path, number: int) -> None:
    with (app / "config/wsgi.py").open("a") as file:
        file.write(f"# {number}\n")


def deploy(machine: Machine) -> tuple[float, dict[str, float]]:
    """Return the seconds of a run, and those of its longest tasks."""
    inventories = ["--inventory=inventories/prod", "--inventory=bench/inventory", f"--limit={machine.name}"]
    # A first deploy fetches its wheels, whatever was deployed from here before.
    words = ["bin/deploy", *inventories, f"--extra-vars=wheels_cache_dir={CACHE / 'wheels'}"]
    seconds, printed = timed(*words, **PROFILE)
    return seconds, tasks(printed)


def tasks(printed: str) -> dict[str, float]:
    """Read the seconds of tasks from what Ansible's profile_tasks has printed."""
    found = re.findall(r"^(\S.*?) -{3,} +([\d.]+)s$", printed, re.MULTILINE)
    return {name: float(seconds) for name, seconds in found}


def by_hand() -> float:
    """Do on `plain` what one does without this project; return its seconds."""
    images = REPOSITORY / "roles/images/files"
    for name in ("base", "nginx", "postgres", "python", "api"):
        shutil.copytree(images / name, BY_HAND / name)
    shutil.copytree(APP, BY_HAND / "api/app")
    shutil.copytree(HERE / "tutorial", BY_HAND, dirs_exist_ok=True)
    lock = REPOSITORY / "app/requirements.txt"
    shutil.copy(lock, BY_HAND / "python")
    (BY_HAND / "password").write_text(f"{os.urandom(16).hex()}\n")
    pip = ["pip", "download", "--quiet", "--disable-pip-version-check", "--only-binary=:all:"]
    pip += ["--python-version=3.13", "--platform=manylinux_2_28_x86_64", "--platform=manylinux2014_x86_64"]
    wheels = f"--dest={BY_HAND / 'python/wheels'}"
    seconds = local(*pip, wheels, "--require-hashes", f"--requirement={lock}")
    # Debian's virtual environments come with one, which this image does not have.
    seconds += local("pip", "download", "--quiet", "--disable-pip-version-check", wheels, "pip")
    seconds += local("docker", "cp", "--quiet", str(BY_HAND), f"{PLAIN.container}:/by-hand")
    seconds += local(*PLAIN.command("bash", "/bench/by-hand", "/by-hand"))
    return seconds


def again() -> Iterator[Row]:
    """Deploy again: nothing, and changed code."""
    unchanged, code, bare_unchanged, bare_code = [], [], [], []
    for number in range(ROUNDS):
        unchanged.append(deploy(HOST))
        bare_unchanged.append(local(*PLAIN.command("sh", "-c", "cd /by-hand && docker compose up --detach")))
        change_app(APP, number)
        code.append(deploy(HOST))
        change_app(BY_HAND / "api/app", number)
        local("docker", "cp", "--quiet", f"{BY_HAND}/api", f"{PLAIN.container}:/by-hand")
        build = "docker build --quiet --build-arg BASE=by-hand/python --tag by-hand/api api"
        bare_code.append(
            local(*PLAIN.command("sh", "-c", f"cd /by-hand && {build} && docker compose up --detach"))
        )
    yield alone(
        "unchanged `bin/deploy`",
        "s",
        [seconds for seconds, _ in unchanged],
        at_most=10,
        beside=("`docker compose up -d`", bare_unchanged),
    )
    yield alone(
        "redeploy of changed code",
        "s",
        [seconds for seconds, _ in code],
        at_most=25,
        beside=("`docker build`, `docker compose up -d`: answers nothing meanwhile", bare_code),
    )
    for what, runs in (("unchanged", unchanged), ("changed code", code)):
        for task in runs[-1][1]:
            taken = [times[task] for _, times in runs if task in times]
            yield alone(f"task of it, {what}: {task}", "s", taken)


def lifecycle() -> Iterator[Row]:
    """Stop the API and start it, with nobody asking."""
    words = ["python3", "/bench/lifecycle.py", HOST.api(), HOST.url("/api/movies/1")]
    runs = [json.loads(HOST.run(*words)) for _ in range(ROUNDS)]
    yield alone("API: SIGTERM to stopped", "s", [run["stop"] for run in runs], at_most=5)
    yield alone("API: start to an answer through 8080", "s", [run["start"] for run in runs], at_most=5)


def memory() -> Iterator[Row]:
    """Look at what each container of the stack holds."""
    containers = HOST.run("docker", "ps", "--format", "{{.Names}}").split()
    used = {name: statistics.median(memory_of(name) for _ in range(ROUNDS)) for name in sorted(containers)}
    for name, megabytes in used.items():
        yield alone(f"memory of the idle stack: {name}", "MB", [megabytes])


def memory_of(container: str) -> float:
    """Return its MB, as `docker stats` says: without what the kernel could drop."""
    said = HOST.run("docker", "stats", "--no-stream", "--format", "{{.MemUsage}}", container)
    value, unit = re.fullmatch(r"([\d.]+)([KMG]iB) / .*", said.strip()).groups()  # type: ignore[union-attr]
    return float(value) * {"KiB": 2**10, "MiB": 2**20, "GiB": 2**30}[unit] / 1e6
