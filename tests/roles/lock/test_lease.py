"""Who gets a host, and who is told that it is taken: the rules of the lease, with a clock of our own."""

from __future__ import annotations

import datetime
import fcntl
import json
import os
from collections.abc import Callable
from pathlib import Path

import lease
import pytest
from ansible.module_utils.testing import patch_module_args
from documented import assert_as_documented
from lease import HeldError, Lease

EXPIRY = 6.0
SINCE = "2026-11-23T14:03:22+00:00"
ANN = Lease("a1", "ann@laptop", 4711, SINCE)
BOB = Lease("b2", "bob@desk", 815, SINCE)


class Clock:
    """Moves when somebody sleeps, and lets things happen then."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.began = self.now
        self.event: Callable[[float], None] = lambda _passed: None

    @property
    def passed(self) -> float:
        return self.now - self.began

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.event(self.passed)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr("lease.time.monotonic", lambda: clock.now)
    monkeypatch.setattr("lease.time.sleep", clock.sleep)
    return clock


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "lock"


def touch(path: Path | None, stamp: int) -> None:
    """Touch a lease by a clock that need not be right."""
    assert path
    os.utime(path, ns=(stamp, stamp))


def holder(folder: Path) -> Lease | None:
    found = lease.read(folder)
    return found[0] if found else None


def test_a_free_host_is_taken_at_once(tmp_path: Path, clock: Clock) -> None:
    folder = tmp_path / "not/there/yet"
    path = lease.take(folder, ANN, EXPIRY)
    assert holder(folder) == ANN
    assert path == folder / "a1.json"
    assert clock.passed == 0


def test_only_its_owner_may_enter_the_folder(folder: Path) -> None:
    lease.take(folder, ANN, EXPIRY)
    assert folder.stat().st_mode & 0o777 == 0o700


def test_the_holder_may_ask_again(folder: Path, clock: Clock) -> None:
    lease.take(folder, ANN, EXPIRY)
    assert lease.take(folder, ANN, EXPIRY) is None
    assert holder(folder) == ANN
    assert clock.passed == 0


@pytest.mark.parametrize("after", [0.2, 2.0, 5.8])
def test_a_holder_that_is_seen_to_live_is_named_at_once(folder: Path, clock: Clock, after: float) -> None:
    path = lease.take(folder, ANN, EXPIRY)
    clock.event = lambda passed: touch(path, 5) if passed >= after else None
    with pytest.raises(HeldError) as refused:
        lease.take(folder, BOB, EXPIRY)
    assert refused.value.lease == ANN
    assert clock.passed == pytest.approx(after)
    assert holder(folder) == ANN


def test_a_holder_that_gives_the_host_back_is_followed_at_once(folder: Path, clock: Clock) -> None:
    path = lease.take(folder, ANN, EXPIRY)
    assert path
    clock.event = lambda passed: path.unlink(missing_ok=True) if passed >= 1 else None
    lease.take(folder, BOB, EXPIRY)
    assert holder(folder) == BOB
    assert clock.passed == pytest.approx(1)


@pytest.mark.parametrize("stamp", [0, 2**62], ids=["long ago", "far in the future"])
def test_a_silent_holder_loses_the_host_whatever_the_clock_says(
    folder: Path, clock: Clock, stamp: int
) -> None:
    touch(lease.take(folder, ANN, EXPIRY), stamp)
    lease.take(folder, BOB, EXPIRY)
    assert holder(folder) == BOB
    assert clock.passed == pytest.approx(EXPIRY)
    assert [path.name for path in folder.glob("*.json")] == ["b2.json"]


def test_of_two_that_wait_for_a_silent_holder_one_gets_the_host(folder: Path, clock: Clock) -> None:
    path = lease.take(folder, ANN, EXPIRY)
    assert path
    carl = Lease("c3", "carl@phone", 1, SINCE)

    def taken_by_carl(passed: float) -> None:
        if passed >= 3:
            path.unlink(missing_ok=True)
            (folder / "c3.json").write_text(
                '{"run": "c3", "holder": "carl@phone", "process": 1, "since": ""}'
            )

    clock.event = taken_by_carl
    with pytest.raises(HeldError) as refused:
        lease.take(folder, BOB, EXPIRY)
    assert refused.value.lease.holder == carl.holder


def test_looking_takes_nothing(folder: Path, clock: Clock) -> None:
    lease.look(folder, BOB.run, EXPIRY)
    assert not folder.exists()
    lease.take(folder, ANN, EXPIRY)
    lease.look(folder, ANN.run, EXPIRY)
    assert clock.passed == 0
    lease.look(folder, BOB.run, EXPIRY)
    assert clock.passed == pytest.approx(EXPIRY, abs=lease.PAUSE)
    assert holder(folder) == ANN


def test_looking_sees_a_holder_that_lives(folder: Path, clock: Clock) -> None:
    path = lease.take(folder, ANN, EXPIRY)
    clock.event = lambda _passed: touch(path, 5)
    with pytest.raises(HeldError):
        lease.look(folder, BOB.run, EXPIRY)


def test_a_lease_that_goes_while_it_is_read_is_none(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lease.take(folder, ANN, EXPIRY)
    monkeypatch.setattr(Path, "glob", lambda *_: iter([folder / "gone.json", folder / "a1.json"]))
    assert holder(folder) == ANN
    monkeypatch.setattr(Path, "glob", lambda *_: iter([folder / "gone.json"]))
    assert holder(folder) is None


def test_only_one_run_writes_at_a_time(folder: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    looks = []

    def look(folder: Path) -> None:
        with (folder / "guard").open() as other:
            try:
                fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                looks.append("guarded")

    monkeypatch.setattr("lease.read", look)
    lease.take(folder, ANN, EXPIRY)
    assert looks == ["guarded"]


@pytest.fixture
def run(folder: Path, clock: Clock, capsys: pytest.CaptureFixture[str]) -> Callable[..., dict[str, object]]:
    """Run the module, and return its result."""

    def run(holder: Lease, *, check: bool = False, dir: Path = folder) -> dict[str, object]:  # noqa: A002
        args = {
            "dir": str(dir),
            "expiry": int(EXPIRY),
            "run": holder.run,
            "host": "web1",
            "holder": holder.holder,
            "process": holder.process,
            "_ansible_check_mode": check,
        }
        with patch_module_args(args), pytest.raises(SystemExit):
            lease.main()
        result: dict[str, object] = json.loads(capsys.readouterr().out)
        return result

    return run


def test_the_module_takes_a_free_host_once(run: Callable[..., dict[str, object]], folder: Path) -> None:
    before = datetime.datetime.now(datetime.UTC).replace(microsecond=0)

    assert run(ANN)["path"] == str(folder / "a1.json")
    found = holder(folder)
    assert found
    assert (found.run, found.holder, found.process) == (ANN.run, ANN.holder, ANN.process)
    assert before <= datetime.datetime.fromisoformat(found.since) <= datetime.datetime.now(datetime.UTC)

    again = run(ANN)
    assert (again["changed"], "path" in again) == (False, False)


def test_the_module_only_looks_in_check_mode(run: Callable[..., dict[str, object]], folder: Path) -> None:
    assert run(ANN, check=True)["changed"] is False
    assert not folder.exists()


@pytest.mark.parametrize("check", [False, True])
def test_the_module_refuses_a_host_that_is_held(
    run: Callable[..., dict[str, object]], folder: Path, clock: Clock, check: bool
) -> None:
    path = lease.take(folder, ANN, EXPIRY)
    clock.event = lambda _passed: touch(path, 5)

    assert run(BOB, check=check)["msg"] == ANN.refusal("web1")
    assert holder(folder) == ANN


def test_the_module_names_a_folder_that_can_not_be_used(
    run: Callable[..., dict[str, object]], tmp_path: Path
) -> None:
    (tmp_path / "file").touch()

    assert run(ANN, dir=tmp_path / "file/lock")["msg"] == (
        f"{tmp_path}/file/lock can't be used to hold the host: Not a directory. Correct lock_dir."
    )


def test_the_refusal_says_who_and_since_when() -> None:
    now = datetime.datetime.now(datetime.UTC)
    today = Lease("a1", "ann@laptop", 4711, now.isoformat(timespec="seconds"))
    assert today.refusal("web1") == (
        f"web1 is being deployed to by ann@laptop (process 4711) since {now:%H:%M:%S} UTC: "
        "wait for it to end, then run this again."
    )
    assert "since 2026-01-02 03:04:05 UTC:" in Lease("a", "a", 1, "2026-01-02T03:04:05+00:00").refusal("web1")


def test_it_takes_what_its_documentation_says() -> None:
    assert_as_documented(lease)
