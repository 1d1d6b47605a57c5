"""Breaks modules, prints what was not noticed and a table."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from poodle.data_types import MutantTrialResult

from .runner import TESTS

REPOSITORY = Path(__file__).resolve().parents[2]
# Modules that decide something.
MODULES = (
    "library/*.py",
    "module_utils/*.py",
    "roles/*/action_plugins/*.py",
    "roles/*/files/*.py",
    "roles/*/library/*.py",
    "roles/*/lookup_plugins/*.py",
    "roles/*/module_utils/*.py",
)
WANTED = 0.9
REPORT = REPOSITORY / ".cache/mutations.json"


@dataclass(frozen=True)
class Score:
    """How many breaks of a module its tests notice."""

    module: Path
    noticed: int
    missed: list[str]  # as diffs

    @property
    def breaks(self) -> int:
        return self.noticed + len(self.missed)

    @property
    def share(self) -> float:
        return self.noticed / self.breaks if self.breaks else 1.0

    def __str__(self) -> str:
        """Return its row of the table."""
        return f"{self.breaks:6}  {self.noticed:7}  {self.share:6.1%}  {self.module}"


def modules() -> list[Path]:
    return sorted(path.relative_to(REPOSITORY) for pattern in MODULES for path in REPOSITORY.glob(pattern))


def tests_of(module: Path) -> list[str]:
    """Return the test files that import a module."""
    imports = re.compile(rf"^(from|import) .*\b{module.stem}\b", re.MULTILINE)
    tests = (path for path in REPOSITORY.glob("tests/**/test_*.py") if imports.search(path.read_text()))
    return sorted(str(path.relative_to(REPOSITORY)) for path in tests)


def score(module: Path) -> Score:
    """Have poodle break a module in all its ways, one at a time."""
    tests = tests_of(module)
    if not tests:
        sys.exit(f"No test imports {module}: write one.")
    REPORT.unlink(missing_ok=True)
    options = ["--only", str(module), "--json", str(REPORT), "-w", str(os.cpu_count() or 1)]
    result = subprocess.run(
        [sys.executable, "-m", "poodle.cli", *options],
        cwd=REPOSITORY,
        env=os.environ | {TESTS: " ".join(tests)},
        capture_output=True,
        text=True,
        check=False,
    )
    if result.returncode:
        sys.exit(result.stdout + result.stderr)
    noticed, missed = 0, []
    for trial in json.loads(REPORT.read_text())["mutant_trials"]:
        match trial["result"]["reason_code"]:
            case MutantTrialResult.RC_FOUND | MutantTrialResult.RC_TIMEOUT:
                noticed += 1
            case MutantTrialResult.RC_NOT_FOUND:
                missed.append(trial["mutant"]["unified_diff"])
    return Score(module, noticed, missed)


def main(names: list[str]) -> str:
    """Print what was missed, and a table; return what is wrong, or nothing."""
    known = modules()
    wanted = [Path(name) for name in names] or known
    if strange := [str(path) for path in wanted if path not in known]:
        return f"No module is called {', '.join(strange)}. There are:\n" + "\n".join(map(str, known))
    scores = []
    for number, module in enumerate(wanted, start=1):
        print(f"Breaking {module} ({number} of {len(wanted)})", file=sys.stderr)
        scores.append(score(module))
        print(*scores[-1].missed, sep="\n", flush=True)
    print("breaks  noticed   share  module", *scores, sep="\n")
    weak = [str(one.module) for one in scores if one.share < WANTED]
    return f"Fewer than nine of ten breaks were noticed of {', '.join(weak)}." if weak else ""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
