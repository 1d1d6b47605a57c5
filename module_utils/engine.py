"""Docker's engine, asked by its own command line on the host itself."""

from __future__ import annotations

import os
import select
import shutil
import subprocess
import time
from collections.abc import Callable
from typing import IO, cast

# Seconds after which a command counts as failed: more than the longest time that a container is given to
# stop, and little enough that a hanging engine does not keep the host's lock for ever.
LIMIT = 300


class EngineError(Exception):
    """A docker command failed; the text has the command and its last lines."""


class EngineTimeoutError(EngineError):
    """A docker command did not come to an end in time."""


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
        EngineTimeoutError: It did not come to an end.
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
        raise EngineTimeoutError(
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
        raise failed(args, result.stderr.strip() or result.stdout.strip())
    return result.stdout


def follow(*args: str, limit: float, heard: Callable[[str], None], **environment: str) -> None:
    """Run a docker command that takes long, and pass on what it prints while it runs.

    Args:
        args: The command, without `docker`.
        limit: Seconds after which it is killed.
        heard: Is called with all that it has printed so far, each time that there is more.
        environment: Variables beside those of this process.

    Raises:
        EngineError: It failed.
        EngineTimeoutError: It did not come to an end. What it has started may run on.
    """
    said = b""
    deadline = time.monotonic() + limit
    with subprocess.Popen(  # noqa: S603 - no shell
        ["docker", *args],  # noqa: S607 - as the others
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=os.environ | environment,
    ) as process:
        output = cast("IO[bytes]", process.stdout).fileno()
        try:
            while True:
                ready, _, _ = select.select([output], [], [], max(deadline - time.monotonic(), 0))
                if not ready:
                    raise EngineTimeoutError(
                        f"docker {' '.join(args[:6])} … has not ended after {limit:.0f} s"
                    )
                part = os.read(output, 65536)
                if not part:
                    break
                said += part
                heard(said.decode(errors="replace"))
        except BaseException:
            process.kill()
            raise
    if process.returncode:
        raise failed(args, said.decode(errors="replace").strip())


def failed(args: tuple[str, ...], said: str) -> EngineError:
    """Return the error of a docker command, with the last lines that it printed."""
    return EngineError("\n".join([f"docker {' '.join(args[:6])} … failed:", *said.splitlines()[-15:]]))
