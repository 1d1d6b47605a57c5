"""Breaks modules, prints what was not noticed and a table."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from poodle.data_types import MutantTrialResult

from .runner import CHOSEN

REPOSITORY = Path(__file__).resolve().parents[2]
TESTS = REPOSITORY / "tests"
# Folders of modules, below the repository or a role.
FOLDERS = ("action_plugins", "files", "library", "lookup_plugins", "module_utils")
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
        return self.noticed / self.breaks

    def __str__(self) -> str:
        """Return its row of the table."""
        return f"{self.breaks:6}  {self.noticed:7}  {self.share:6.1%}  {self.module}"


def modules() -> list[Path]:
    """Return the modules that decide something: those that have a function."""
    places = [REPOSITORY, *REPOSITORY.glob("roles/*")]
    found = (path for place in places for folder in FOLDERS for path in (place / folder).rglob("*.py"))
    return sorted(
        path.relative_to(REPOSITORY)
        for path in found
        if any(isinstance(node, ast.FunctionDef) for node in ast.walk(ast.parse(path.read_text())))
    )


def name_of(module: Path) -> str:
    """Return what tests import a module as."""
    parts = module.with_suffix("").parts
    start = next(number for number, part in enumerate(parts) if part in FOLDERS)
    parents = ("ansible", "module_utils") if parts[start] == "module_utils" else ()
    return ".".join([*parents, *parts[start + 1 :]])


def imported_by(test: Path) -> set[str]:
    """Return the names of all modules that a test may import, and of what it takes from them."""
    found = set()
    for node in ast.walk(ast.parse(test.read_text())):
        if isinstance(node, ast.Import):
            found |= {one.name for one in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{one.name}" for one in node.names)}
    return found


def tests_of(module: Path) -> list[str]:
    """Return the test files that import a module, and the one that is named after it."""
    folder = TESTS / (Path(*module.parts[:2]) if module.parts[0] == "roles" else module.parts[0])
    return [
        str(test.relative_to(REPOSITORY))
        for test in sorted(TESTS.rglob("test_*.py"))
        if name_of(module) in imported_by(test) or test == folder / f"test_{module.stem}.py"
    ]


def score(module: Path) -> Score:
    """Have poodle break a module in all its ways, one at a time."""
    tests = tests_of(module)
    if not tests:
        return Score(module, 0, [f"No test imports {module} or is named after it."])
    REPORT.unlink(missing_ok=True)
    options = ["--only", str(module), "--json", str(REPORT), "-w", str(os.cpu_count() or 1)]
    result = subprocess.run(
        [sys.executable, "-m", "poodle.cli", *options],
        cwd=REPOSITORY,
        env=os.environ | {CHOSEN: " ".join(tests)},
        capture_output=True,
        text=True,
        check=False,
    )
    if "Clean Run Failed" in result.stdout:
        sys.exit(f"The tests of {module} fail as it is: run pytest {' '.join(tests)}")
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
