"""The one way to wait for something."""

from __future__ import annotations

import time
from collections.abc import Callable

# A bound against hanging, and no measure: a busy machine may take many times what a quiet one takes.
PATIENCE = 300


def wait_until(what: str, condition: Callable[[], bool], seconds: float = PATIENCE) -> None:
    """Ask until a condition holds. It does not hold while what it asks can't be reached.

    Raises:
        AssertionError: It did not hold in time.
    """
    deadline = time.monotonic() + seconds
    while not holds(condition):
        assert time.monotonic() < deadline, f"not within {seconds:.0f} s: {what}"
        time.sleep(0.5)


def holds(condition: Callable[[], bool]) -> bool:
    try:
        return condition()
    except OSError:
        return False
