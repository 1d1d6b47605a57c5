"""Kills a rollout on the host, in the middle of its work."""

from __future__ import annotations

import signal

from targets import STACK, Target

# Sends a signal to the programs that roll a release out, on the host, once the rollout has come to a stage:
# another container beside the old one, the switch made, or some time after that. Prints how many programs
# that were. The signal 0 does nothing.
SEND = """
import os, pathlib, subprocess, sys, time
stage, green = sys.argv[1], pathlib.Path(sys.argv[2])
was_green = green.exists()

def programs():
    # A pipelined module has no name in the process list; a rollout is what has its lock open.
    found = set()
    for path in pathlib.Path("/proc").glob("[0-9]*/fd/*"):
        try:
            if path.readlink().name == ".rollout":
                found.add(int(path.parts[2]))
        except OSError:
            pass
    return found

def apis():
    command = ["docker", "ps", "--quiet", "--filter", "label=com.docker.compose.service=api"]
    return len(subprocess.run(command, capture_output=True, check=True).stdout.split())

deadline = time.monotonic() + 300
while time.monotonic() < deadline:
    if apis() > 1 if stage == "beside" else green.exists() != was_green:
        break
    time.sleep(0.005)
else:
    sys.exit("the rollout never came to this stage")
time.sleep(float(sys.argv[3]))
there = 0
for pid in programs():
    try:
        os.kill(pid, int(sys.argv[4]))
        there += 1
    except ProcessLookupError:
        pass
print(there)
"""


def kill_rollout(host: Target, stage: str, delay: float) -> int:
    """Kill the rollout that is under way, or about to be; return how many programs that were.

    Args:
        host: Where it runs.
        stage: `beside`, another API container has been started, or `switched`, requests go to it.
        delay: Seconds that it may go on then.
    """
    return send(host, stage, delay, signal.SIGKILL)


def find_rollout(host: Target, stage: str) -> int:
    """Wait until the rollout has come to a stage; return how many programs are at it."""
    return send(host, stage, 0, 0)


def send(host: Target, stage: str, delay: float, number: int) -> int:
    words = stage, f"{STACK}/nginx/green", str(delay), str(int(number))
    return int(host.run("python3 -c %s %s %s %s %s", SEND, *words))
