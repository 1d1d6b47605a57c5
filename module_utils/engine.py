"""Docker's engine, asked by its own command line on the host itself."""

from __future__ import annotations

import os
import shutil
import subprocess


class EngineError(Exception):
    """A docker command failed; the text has the command and its last lines."""


def run(*args: str, text: str | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a program of the host to its end, good or bad.

    Args:
        args: The program and its arguments.
        text: What it reads from its standard input.
        environment: Variables beside those of this process.
    """
    return subprocess.run(  # noqa: S603 - no shell
        args, input=text, env=os.environ | environment, capture_output=True, text=True, check=False
    )


def has_engine() -> bool:
    """Tell whether there is an engine that answers."""
    return bool(shutil.which("docker")) and run("docker", "version").returncode == 0


def docker(*args: str, text: str | None = None, **environment: str) -> str:
    """Return what a docker command prints.

    Args:
        args: The command, without `docker`.
        text: What it reads from its standard input.
        environment: Variables beside those of this process.

    Raises:
        EngineError: It failed.
    """
    result = run("docker", *args, text=text, **environment)
    if result.returncode:
        said = (result.stderr.strip() or result.stdout.strip()).splitlines()[-15:]
        raise EngineError("\n".join([f"docker {' '.join(args[:6])} … failed:", *said]))
    return result.stdout
