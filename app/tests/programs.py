"""Programs that tests start."""

import os
import subprocess
import sys
from pathlib import Path

APP = Path(__file__).parent.parent


def manage(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run manage.py; a variable given as an empty string counts as not set."""
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=APP,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def only_line(text: str) -> str:
    lines = text.splitlines()
    assert len(lines) == 1, text
    return lines[0]
