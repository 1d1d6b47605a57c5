"""What a rollout can fail with."""

from __future__ import annotations

from ansible.module_utils.engine import EngineError


class RolloutError(Exception):
    """A release can't be served; the text says why and what to do."""


# What a rollout takes back its steps for, and tells its user.
FAILURES = (RolloutError, EngineError, OSError)
