"""Count the small breaks of a module that its unit tests notice. Started by bin/mutate, which says more."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
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

    module: str
    noticed: int
    missed: list[str]  # as diffs

    @property
    def share(self) -> float:
        return self.noticed / (self.noticed + len(self.missed))

    def __str__(self) -> str:
        """Return its row of the table."""
        return f"{self.noticed + len(self.missed):7} {self.noticed:7} {self.share:6.1%}  {self.module}"


def tests_of(module: Path) -> list[str]:
    """Return the test files that import a module."""
    imports = re.compile(rf"^(from|import) .*\b{module.stem}\b", re.MULTILINE)
    tests = (path for path in REPOSITORY.glob("tests/**/test_*.py") if imports.search(path.read_text()))
    return sorted(str(path.relative_to(REPOSITORY)) for path in tests)


def score(module: Path) -> Score:
    """Break a module in all ways there are, one at a time, and run its tests each time."""
    tests = tests_of(module)
    if not tests:
        sys.exit(f"no test imports {module}: write one")
    REPORT.unlink(missing_ok=True)
    command = ["poodle", "--only", str(module), "--json", str(REPORT), "-w", str(os.cpu_count() or 1)]
    environment = os.environ | {"PYTEST_ADDOPTS": " ".join(tests), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    run = subprocess.run(
        command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=False
    )
    if run.returncode:
        sys.exit(run.stdout + run.stderr)
    return read(str(module), REPORT.read_text())


def read(module: str, report: str) -> Score:
    """Read poodle's report on a module."""
    noticed, missed = 0, []
    for trial in json.loads(report)["mutant_trials"]:
        result = trial["result"]
        if "SyntaxError" in (result["reason_desc"] or ""):
            continue  # No break but nonsense: before Python 3.12, places within f-strings are guessed.
        if result["found"] or result["reason_code"] == "Trial Exceeded Timeout":
            noticed += 1
        else:
            missed.append(trial["mutant"]["unified_diff"])
    return Score(module, noticed, missed)


def modules() -> list[Path]:
    """Return all modules that decide something."""
    return sorted(path.relative_to(REPOSITORY) for pattern in MODULES for path in REPOSITORY.glob(pattern))


def main(names: list[str]) -> str:
    """Print what was missed, and a table; return what is wrong, or nothing."""
    known = modules()
    wanted = [Path(name) for name in names] or known
    if strange := [str(path) for path in wanted if path not in known]:
        return f"no module: {', '.join(strange)}. Those that there are: {', '.join(map(str, known))}"
    scores = []
    for number, module in enumerate(wanted, start=1):
        print(f"{module} ({number} of {len(wanted)})", file=sys.stderr)
        scores.append(score(module))
        print("\n".join(scores[-1].missed), flush=True)
    print(" breaks noticed  share  module", *scores, sep="\n")
    weak = [one.module for one in scores if one.share < WANTED]
    return f"fewer than nine of ten breaks are noticed in {', '.join(weak)}" if weak else ""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
