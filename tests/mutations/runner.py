"""Runs the tests on one break at a time, for poodle."""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

import ansible.module_utils.basic  # noqa: F401 - loaded once, not with each run
import pytest
from poodle.data_types import Mutant, MutantTrialResult

# Variable of the environment that has the test files to run.
CHOSEN = "MUTATIONS_TESTS"
# A break like `x is ' '` is to be noticed by what it does, not by Python's warning.
OPTIONS = ("--exitfirst", "--assert=plain", "-p", "no:cacheprovider", "-W", "ignore::SyntaxWarning")


def run(run_folder: Path, mutant: Mutant, timeout: float | None, **_: object) -> MutantTrialResult:
    """Run the tests in a copy of the repository that has one break.

    They run in a fork of this process, which has loaded pytest and what all modules have of Ansible: from the
    beginning, a run would take twice as long.

    Args:
        run_folder: The copy.
        mutant: The break. The first run has none.
        timeout: Seconds after which the tests count as hanging.
    """
    if mutant.source_file and not is_program(run_folder / mutant.source_file):
        return MutantTrialResult(found=False, reason_code=MutantTrialResult.RC_INCOMPLETE)
    child = os.fork()
    if not child:
        test(run_folder)
    status = wait(child, timeout or float("inf"))
    # Also what the tests have started and left behind.
    with suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)
    if status is None:
        os.waitpid(child, 0)
        return MutantTrialResult(found=False, reason_code=MutantTrialResult.RC_TIMEOUT)
    code = MutantTrialResult.RC_FOUND if status else MutantTrialResult.RC_NOT_FOUND
    return MutantTrialResult(found=bool(status), reason_code=code)


def wait(child: int, seconds: float) -> int | None:
    """Return the status that a process ends with, or nothing if it goes on for longer."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return status
        time.sleep(0.01)
    return None


def is_program(path: Path) -> bool:
    """Tell whether a break left a program: places within f-strings are not exact before Python 3.12."""
    try:
        compile(path.read_text(), path, "exec")
    except SyntaxError:
        return False
    return True


def test(folder: Path) -> NoReturn:
    """Run the tests in a folder, without a word, and end this process with their status."""
    status = 1
    try:
        os.setpgid(0, 0)
        nowhere = os.open(os.devnull, os.O_WRONLY)
        for stream in (1, 2):
            os.dup2(nowhere, stream)
        os.chdir(folder)
        os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
        status = pytest.main([*OPTIONS, *os.environ[CHOSEN].split()])
    finally:
        os._exit(status)
