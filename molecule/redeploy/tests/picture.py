"""Keeps what a redeploy and its control looked like, in the whole form, for load/plot.py to draw."""

from __future__ import annotations

import json
import time
from pathlib import Path

import load
from runs import REPOSITORY
from state import WHOLE
from traffic import Traffic

# Copied to docs/redeploy.json when the picture is to be drawn anew.
DATA = REPOSITORY / ".cache/redeploy/redeploy.json"
BEFORE, AFTER = 5.0, 25.0


def pause(seconds: float) -> None:
    """Let the picture have as much time before and after as it shows."""
    if WHOLE:
        time.sleep(seconds)


def record(name: str, traffic: Traffic, moment: float, path: Path = DATA) -> None:
    """Note what was answered and what failed around a moment, next to what is noted already."""
    if not WHOLE:
        return
    data = json.loads(path.read_text()) if path.exists() else {}
    data[name] = {
        "before": BEFORE,
        "width": 0.1,
        "slices": load.per_slice(traffic.records, moment - BEFORE, moment + AFTER),
    }
    path.write_text(json.dumps(data, separators=(",", ":")) + "\n")
