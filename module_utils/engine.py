"""Docker's engine, asked by its own command line on the host itself."""

from __future__ import annotations

import os
import shutil
import subprocess

# Seconds after which a command counts as failed: more than the longest time that a container is given to
# stop, and little enough that a hanging engine does not keep the host's lock for ever.
LIMIT = 300


class EngineError(Exception):
    """A docker command failed; the text has the command and its last lines."""


def run(
    *args: str, text: str | None = None, limit: float | None = LIMIT, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run a program of the host to its end, good or bad.

    Args:
        args: The program and its arguments.
        text: What it reads from its standard input.
        limit: Seconds after which it is killed; None for what moves images, which takes as long as it takes.
        environment: Variables beside those of this process.

    Raises:
        EngineError: It did not come to an end.
    """
    try:
        return subprocess.run(  # noqa: S603 - no shell
            args,
            input=text,
            env=os.environ | environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=limit,
        )
    except subprocess.TimeoutExpired as error:
        raise EngineError(
            f"{' '.join(args[:7])} … has not ended after {limit:.0f} s: look into the engine's log"
        ) from error


def has_engine() -> bool:
    """Tell whether there is an engine that answers."""
    return bool(shutil.which("docker")) and run("docker", "version").returncode == 0


def docker(*args: str, text: str | None = None, limit: float | None = LIMIT, **environment: str) -> str:
    """Return what a docker command prints.

    Args:
        args: The command, without `docker`.
        text: What it reads from its standard input.
        limit: Seconds after which it is killed; None for what moves images.
        environment: Variables beside those of this process.

    Raises:
        EngineError: It failed, or did not come to an end.
    """
    result = run("docker", *args, text=text, limit=limit, **environment)
    if result.returncode:
        said = (result.stderr.strip() or result.stdout.strip()).splitlines()[-15:]
        raise EngineError("\n".join([f"docker {' '.join(args[:6])} … failed:", *said]))
    return result.stdout
