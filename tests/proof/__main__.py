"""Runs the parts of the proof that it is asked for, and says where the time went.

It goes on after a part that failed, as the others may fail for other reasons. It installs the packages that
the parts need, so it imports none of them.
"""

from __future__ import annotations

import difflib
import os
import re
import sys
import time
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path

from .parts import PARTS, REPOSITORY, run

LOGS = REPOSITORY / ".cache/test"
PROGRESS_SECONDS = 60
SHOWN_OF_A_FAILURE = 150  # lines

WITHOUT_NAMES = ["lint", "unit", "app", "quick"]
ALL = [name for name in PARTS if name != "quick"]

HELP = f"""usage: bin/test [NAME...]

Runs the parts of that name. Without a name: {" ".join(WITHOUT_NAMES)}.
As root, but for lint and unit; on a machine that was not deployed to.
What several parts print goes to .cache/test, and the end of what failed to the screen.

{chr(10).join(f"  {name:10} {part.what}" for name, part in PARTS.items())}
  {"all":10} all of these but quick, whose tests are in the others"""


@dataclass(frozen=True)
class Result:
    name: str
    passed: bool
    seconds: float


def chosen(names: list[str]) -> list[str]:
    """Return the parts that were asked for, each once, in their order.

    Raises:
        ValueError: There is no part of a name; says so in one line.
    """
    for name in names:
        if name not in PARTS and name != "all":
            near = difflib.get_close_matches(name, [*PARTS, "all"], n=1)
            hint = f"did you mean {near[0]}?" if near else f"choose from {', '.join([*PARTS, 'all'])}."
            raise ValueError(f"{name} is unknown, {hint}")
    wanted = set(names or WITHOUT_NAMES)
    if "all" in wanted:
        wanted |= set(ALL)
    return [name for name in PARTS if name in wanted]


def clock(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02}"


def report(results: list[Result], seconds: float) -> str:
    """Say where the time went, slowest first, how long the whole took, and what failed."""
    slowest_first = sorted(results, key=lambda result: -result.seconds)
    lines = [
        f"{clock(one.seconds):>6}  {one.name}{'' if one.passed else '  FAILED'}" for one in slowest_first
    ]
    lines.append(f"{clock(seconds):>6}  in all")
    failed = [one.name for one in results if not one.passed]
    return "\n".join(["", *lines, *(f"Failed: {name}. Repeat it with: bin/test {name}" for name in failed)])


def log_of(name: str) -> Path:
    return LOGS / f"{name}.log"


def last_lines(name: str, count: int) -> list[str]:
    """Return what a part printed last, without colours, frames and empty lines."""
    plain = re.sub(r"\x1b\[[0-9;]*m", "", log_of(name).read_text(errors="replace"))
    lines = (line.strip(" │┌└─\t") for line in plain.splitlines())
    return [line for line in lines if line][-count:]


class Proof:
    """Runs parts, one after the other, as two at once take as long; says each minute what one is doing."""

    def __init__(self, names: list[str]) -> None:
        self._names = names
        self._begin = time.monotonic()
        # The output of a single part needs no file: nobody looks for it among those of others.
        self._logged = len(names) > 1
        self.results: list[Result] = []

    def run(self) -> None:
        LOGS.mkdir(parents=True, exist_ok=True)
        with ThreadPoolExecutor(1) as pool:
            for name in self._names:
                start = time.monotonic()
                self._say(f"{name}: {PARTS[name].what}")
                # What an earlier run has left there is no progress of this one.
                log_of(name).write_text("")
                running = pool.submit(self._run, name)
                while wait([running], timeout=PROGRESS_SECONDS).not_done:
                    if self._logged:
                        self._say(f"  {' '.join(last_lines(name, 1))[:80]}")
                self.results.append(Result(name, running.result(), time.monotonic() - start))
                self._say(f"{name} {'passed' if running.result() else 'FAILED'}")

    def _run(self, name: str) -> bool:
        if not self._logged:
            return PARTS[name].run(None)
        with log_of(name).open("w") as output:
            return PARTS[name].run(output)

    def _say(self, line: str) -> None:
        print(f"{clock(self.seconds):>6}  {line}", flush=True)

    @property
    def seconds(self) -> float:
        """Since the first part was begun."""
        return time.monotonic() - self._begin

    @property
    def explanation(self) -> str:
        """How each part that failed ended, if it did not say so on the screen."""
        if not self._logged:
            return ""
        return "\n".join(
            f"\n=== {result.name} failed. The end of {log_of(result.name).relative_to(REPOSITORY)}:\n"
            + "\n".join(last_lines(result.name, SHOWN_OF_A_FAILURE))
            for result in self.results
            if not result.passed
        )


def main(arguments: list[str]) -> int:
    if {"-h", "--help"} & set(arguments):
        print(HELP)
        return 0
    try:
        names = chosen(arguments)
    except ValueError as error:
        print(f"test: {error}", file=sys.stderr)
        return 2
    if os.geteuid() != 0 and any(PARTS[name].needs_root for name in names):
        print("test: the test hosts need root on this machine: run sudo bin/test", file=sys.stderr)
        return 2
    if not run("bash", "-c", ". bin/venv && venv test"):
        return 1
    proof = Proof(names)
    proof.run()
    print(proof.explanation)
    print(report(proof.results, proof.seconds))
    return int(not all(result.passed for result in proof.results))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
