"""One rollout at a time, on the host itself."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .errors import RolloutError
from .probe import until


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Wait for a rollout that goes on although the run that began it was killed.

    Args:
        folder: The folder of the stack.

    Raises:
        RolloutError: It takes too long, or this host has had none.
    """
    if not folder.is_dir():
        raise RolloutError("nothing was deployed to this host yet: deploy first")
    lock = folder / ".rollout"
    # Whoever may open it could hold it.
    lock.touch(mode=0o600)
    with lock.open("w") as file:

        def look() -> str:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return "held"
            return ""

        if until(300, 0.5, look):
            raise RolloutError(
                "another rollout has been under way for 5 minutes: look for it in ps, and end it if it hangs"
            )
        yield
