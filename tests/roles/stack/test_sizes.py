"""How the host's memory and processors are shared out."""

from __future__ import annotations

import pytest
from templates import evaluate

# MiB that so many workers of the film API took after thousands of requests.
MEASURED = {1: 94, 2: 124, 4: 178}


def sizes(**settings: int) -> dict[str, int]:
    names = ["gunicorn_workers", "nginx_memory_mb", "api_memory_mb", "db_memory_mb"]
    pairs = ", ".join(f"'{name}': stack_{name} | int" for name in names)
    found: dict[str, int] = evaluate(
        "stack", f"{{{pairs}}}", {f"stack_{name}": at for name, at in settings.items()}
    )
    return found


@pytest.mark.parametrize(
    ("memory", "processors", "workers"),
    [
        (900, 1, 2),
        (960, 2, 2),
        (1024, 64, 2),
        (1470, 2, 2),
        (1536, 2, 3),
        # The kernel keeps some of 2 GB for itself.
        (1950, 1, 4),
        (1950, 8, 4),
        (3900, 2, 4),
        (3900, 4, 4),
        (3900, 6, 6),
        (3900, 64, 8),
        (64000, 16, 16),
        (1000000, 256, 64),
    ],
)
def test_workers_follow_from_both(memory: int, processors: int, workers: int) -> None:
    assert sizes(host_memory_mb=memory, host_processors=processors)["gunicorn_workers"] == workers


def test_workers_that_are_set_are_as_set() -> None:
    assert sizes(host_memory_mb=900, host_processors=1, gunicorn_workers=8)["gunicorn_workers"] == 8


def test_two_releases_fit_on_the_smallest_host() -> None:
    found = sizes(host_memory_mb=960, host_processors=1)

    assert found["api_memory_mb"] == 256
    # A redeploy runs two API containers; the rest is the system's.
    assert found["nginx_memory_mb"] + 2 * found["api_memory_mb"] + found["db_memory_mb"] <= 960


@pytest.mark.parametrize(("memory", "api"), [(3900, 960), (8000, 2000), (64000, 16000)])
def test_limits_of_larger_hosts_are_shares(memory: int, api: int) -> None:
    found = sizes(host_memory_mb=memory, host_processors=4)

    assert found == {
        "gunicorn_workers": 4,
        "nginx_memory_mb": api // 2,
        "api_memory_mb": api,
        "db_memory_mb": api // 4 * 5,
    }


@pytest.mark.parametrize("workers", MEASURED)
def test_what_was_measured_fits_on_every_host(workers: int) -> None:
    """Half as much again, and the largest uploads; also where more workers are asked for than fit."""
    found = sizes(host_memory_mb=900, host_processors=1, gunicorn_workers=workers, max_body_mb=100)

    assert found["api_memory_mb"] >= MEASURED[workers] * 3 // 2 + 2 * 100
