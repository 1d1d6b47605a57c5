"""Measures everything, prints a table, keeps the figures and draws them."""

from __future__ import annotations

import json
import os
import platform
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from datetime import UTC, datetime

from bench import deploys, films, plot, requests
from bench.figures import Row, table
from bench.machines import CLIENT, HERE, HOST, REPOSITORY, BenchError

RESULTS = HERE / "results.json"
PICTURE = REPOSITORY / "docs/bench.svg"

INSTALL = (
    "apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install --yes --no-install-recommends"
)


def tools() -> Iterator[Row]:
    """Install what measures, once the first deploys to bare machines are measured."""
    CLIENT.run("sh", "-c", f"{INSTALL} wrk >/dev/null")
    HOST.run("sh", "-c", f"{INSTALL} wrk nginx-light >/dev/null")
    return iter(())


# In this order: a million films come last, as all else is asked of the thirty that a first deploy loads.
PARTS: dict[str, Callable[[], Iterator[Row]]] = {
    "first deploys, by hand and with bin/deploy": deploys.first,
    "tools": tools,
    "requests, static files, uploads": requests.measure,
    "memory": deploys.memory,
    "stop and start": deploys.lifecycle,
    "further deploys": deploys.again,
    "a million films": films.measure,
}


def main() -> None:
    begin = time.monotonic()
    rows: list[Row] = []
    for name, part in PARTS.items():
        passed = int(time.monotonic() - begin)
        print(f"{passed // 60:3}:{passed % 60:02}  {name}", file=sys.stderr, flush=True)
        for row in part():
            rows.append(row)
            print(table([row]).splitlines()[-1], file=sys.stderr, flush=True)
    machine = {
        "processors": os.cpu_count(),
        "kernel": platform.release(),
        "python": platform.python_version(),
    }
    taken = datetime.now(UTC).isoformat(timespec="seconds")
    results = {"date": taken, "machine": machine, "rows": [asdict(row) for row in rows]}
    RESULTS.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n")
    plot.draw(RESULTS, PICTURE)
    print(table(rows))


if __name__ == "__main__":
    try:
        main()
    except BenchError as error:
        sys.exit(f"bench: {error}")
