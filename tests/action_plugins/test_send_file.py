"""A large file arrives whole or not at all, and a run that was killed is gone on with."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import send_file
from ansible.errors import AnsibleActionFail, AnsibleConnectionFailure
from runs import Playbooks
from send_file import ActionModule
from waiting import wait_until

PLAYBOOK = """
- name: Send
  hosts: localhost
  connection: local
  gather_facts: false
  tasks:
    - name: Send a file
      send_file:
        src: "{{ source }}"
        dest: "{{ target }}"
        what: the images
"""


class Sender(ActionModule):
    """The plugin without Ansible: this machine is the host."""

    def __init__(self) -> None:
        self.parts: list[int] = []
        self.kill_at: int | None = None

    def _low_level_execute_command(self, cmd: str, in_data: bytes | None = None) -> dict[str, Any]:
        if in_data is not None:
            if len(self.parts) == self.kill_at:
                # The connection breaks when half of it has arrived.
                subprocess.run(cmd, shell=True, input=in_data[: len(in_data) // 2], check=True)
                raise AnsibleConnectionFailure("gone")
            self.parts.append(len(in_data))
        # Over ssh there is a terminal for sudo, so what a program complains of is part of what it prints.
        result = subprocess.run(
            cmd,
            shell=True,
            input=in_data or b"",
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
        return {"rc": result.returncode, "stdout": result.stdout.decode(), "stderr": ""}


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file of three parts and a half."""
    monkeypatch.setattr(send_file, "PART_BYTES", 1000)
    path = tmp_path / "source"
    path.write_bytes(bytes(range(250)) * 14)
    return path


@pytest.fixture
def target(tmp_path: Path) -> Path:
    """A file on the host, in a folder that is not there."""
    return tmp_path / "new/it's here"


def partial(source: Path, target: Path) -> Path:
    return target.with_name(f"{target.name}.{hashlib.sha256(source.read_bytes()).hexdigest()[:16]}.partial")


def test_a_file_arrives_in_parts(source: Path, target: Path) -> None:
    sender = Sender()
    assert sender.send(source, str(target), "it")
    assert target.read_bytes() == source.read_bytes()
    assert sender.parts == [1000, 1000, 1000, 500]
    assert list(target.parent.iterdir()) == [target]
    assert target.stat().st_mode & 0o777 == 0o600
    assert target.parent.stat().st_mode & 0o777 == 0o700


def test_a_file_that_has_arrived_is_not_sent_again(source: Path, target: Path) -> None:
    Sender().send(source, str(target), "it")
    sender = Sender()
    assert not sender.send(source, str(target), "it")
    assert sender.parts == []


def test_another_file_takes_its_place(source: Path, target: Path) -> None:
    target.parent.mkdir()
    target.write_bytes(b"another")
    assert Sender().send(source, str(target), "it")
    assert target.read_bytes() == source.read_bytes()


def test_a_run_that_was_killed_is_gone_on_with(source: Path, target: Path) -> None:
    killed = Sender()
    killed.kill_at = 2
    with pytest.raises(AnsibleConnectionFailure):
        killed.send(source, str(target), "it")
    assert not target.exists()
    assert partial(source, target).stat().st_size == 2500

    sender = Sender()
    assert sender.send(source, str(target), "it")
    assert sender.parts == [1000]
    assert target.read_bytes() == source.read_bytes()


def test_a_part_that_a_broken_connection_has_sent_already_is_not_there_twice(
    source: Path, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def twice(sender: Sender, cmd: str, in_data: bytes | None = None) -> dict[str, Any]:
        if in_data is not None:
            once(sender, cmd, in_data)
        return once(sender, cmd, in_data)

    once = Sender._low_level_execute_command
    monkeypatch.setattr(Sender, "_low_level_execute_command", twice)
    Sender().send(source, str(target), "it")
    assert target.read_bytes() == source.read_bytes()


def waits(folder: Path) -> bool:
    """Tell whether a process waits for the lock of a folder."""
    waiting = rf"-> FLOCK .*:{folder.stat().st_ino} "
    return bool(re.search(waiting, Path("/proc/locks").read_text()))


def test_one_process_at_a_time_works_in_the_folder(source: Path, target: Path) -> None:
    target.parent.mkdir()
    folder = os.open(target.parent, os.O_RDONLY)
    with ThreadPoolExecutor() as pool:
        fcntl.flock(folder, fcntl.LOCK_EX)
        sent = pool.submit(Sender().send, source, str(target), "it")
        try:
            wait_until("it waits", lambda: waits(target.parent), seconds=30)
            assert list(target.parent.iterdir()) == []
        finally:
            os.close(folder)
        assert sent.result()
    assert target.read_bytes() == source.read_bytes()


def test_a_run_and_what_a_killed_one_has_left_send_together(source: Path, target: Path) -> None:
    senders = [Sender() for _ in range(3)]
    with ThreadPoolExecutor() as pool:
        list(pool.map(lambda sender: sender.send(source, str(target), "it"), senders))
    assert target.read_bytes() == source.read_bytes()


@pytest.mark.parametrize("found", [b"x" * 700, b"x" * 9000])
def test_what_is_damaged_on_the_host_is_sent_anew_by_the_next_run(
    source: Path, target: Path, found: bytes
) -> None:
    target.parent.mkdir()
    partial(source, target).write_bytes(found)
    with pytest.raises(AnsibleActionFail, match="did not arrive as it was sent: run this again"):
        Sender().send(source, str(target), "it")
    assert list(target.parent.iterdir()) == []
    Sender().send(source, str(target), "it")
    assert target.read_bytes() == source.read_bytes()


def test_the_size_and_how_far_it_is_are_printed(
    source: Path, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[tuple[str, int, int]] = []
    monkeypatch.setattr(send_file, "tell", lambda *words: said.append(words))
    Sender().send(source, str(target), "the images to h")
    assert said == [("the images to h", sent, 3500) for sent in (0, 1000, 2000, 3000, 3500)]


def test_a_missing_file_is_an_error(target: Path) -> None:
    with pytest.raises(AnsibleActionFail, match="/nothing can't be read: No such file"):
        Sender().send(Path("/nothing"), str(target), "it")


def test_a_host_that_can_not_keep_it_is_an_error(source: Path) -> None:
    with pytest.raises(AnsibleActionFail, match=r"The file can't be kept on the host: .*/dev/null"):
        Sender().send(source, "/dev/null/file", "it")


@pytest.mark.parametrize("check_mode", [True, False])
def test_ansible_sends_a_file(source: Path, target: Path, tmp_path: Path, check_mode: bool) -> None:
    (tmp_path / "play.yml").write_text(PLAYBOOK)
    variables = json.dumps({"source": str(source), "target": str(target)})
    arguments = [str(tmp_path / "play.yml"), f"--extra-vars={variables}", *["--check"] * check_mode]

    run = Playbooks(Path("localhost,")).play(*arguments)

    assert run.status == 0, run.output
    assert run.recap("localhost")["changed"] == 1
    assert target.exists() == (not check_mode)
    if not check_mode:
        assert "Sending the images to localhost: 0.0 of 0.0 MB" in run.output
        again = Playbooks(Path("localhost,")).play(*arguments)
        assert again.recap("localhost")["changed"] == 0
