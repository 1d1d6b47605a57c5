"""The checks of docker-bench-security 1.6 that concern these hosts, with its numbers, and two of our own.

Each check returns what it finds. That has to be what hardening_exceptions.yml allows, no more and no less.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from targets import PORT, SERVICES, Target

EXCEPTIONS: dict[str, dict[str, str]] = yaml.safe_load(
    Path(__file__).with_name("hardening_exceptions.yml").read_text()
)
SENSITIVE = {"/", "/boot", "/dev", "/etc", "/lib", "/proc", "/sys", "/usr"}
SOCKETS = {"/run/docker.sock", "/var/run/docker.sock"}
# Number of the check: file, owner, the most that its mode may be. Files that aren't there are no finding.
FILES = {
    "3.1": ("docker.service", "root:root", 0o7777),
    "3.2": ("docker.service", "", 0o644),
    "3.3": ("docker.socket", "root:root", 0o7777),
    "3.4": ("docker.socket", "", 0o644),
    "3.5": ("/etc/docker", "root:root", 0o7777),
    "3.6": ("/etc/docker", "", 0o755),
    "3.15": ("/run/docker.sock", "root:docker", 0o7777),
    "3.16": ("/run/docker.sock", "", 0o660),
    "3.17": ("/etc/docker/daemon.json", "root:root", 0o7777),
    "3.18": ("/etc/docker/daemon.json", "", 0o644),
    "3.19": ("/etc/default/docker", "root:root", 0o7777),
    "3.20": ("/etc/default/docker", "", 0o644),
    "3.23": ("/run/containerd/containerd.sock", "root:root", 0o7777),
    "3.24": ("/run/containerd/containerd.sock", "", 0o660),
}


@dataclass(frozen=True)
class Facts:
    """What is known of a host."""

    info: dict[str, Any]  # of the engine
    settings: dict[str, Any]  # daemon.json
    command: list[str]  # of dockerd
    icc: str  # of the default network
    files: dict[str, tuple[str, int]]  # owner and mode
    images: dict[str, dict[str, Any]]
    history: dict[str, list[str]]
    containers: dict[str, dict[str, Any]]
    processes: dict[str, list[dict[str, str]]]  # lines of /proc/PID/status, and Command

    @property
    def security(self) -> str:
        return " ".join(self.info["SecurityOptions"])


Check = Callable[[Facts], set[str]]


def daemon(holds: Callable[[Facts], Any]) -> Check:
    """Make a check of the engine."""
    return lambda facts: set() if holds(facts) else {"daemon"}


def each(holds: Callable[[dict[str, Any]], Any]) -> Check:
    """Make a check of each container."""
    return lambda facts: {name for name, one in facts.containers.items() if not holds(one)}


def host_config(holds: Callable[[dict[str, Any]], Any]) -> Check:
    """Make a check of how each container is run."""
    return each(lambda one: holds(one["HostConfig"]))


def on_disk(number: str) -> Check:
    """Make a check of a file."""
    path, owner, most = FILES[number]

    def check(facts: Facts) -> set[str]:
        if path not in facts.files:
            return set()
        found, mode = facts.files[path]
        return {path} if (owner and found != owner) or mode & ~most else set()

    return check


def capabilities(facts: Facts) -> set[str]:
    """Find containers with other capabilities than none, and name those that are added."""
    found = set()
    for name, one in facts.containers.items():
        added = sorted(cap.removeprefix("CAP_") for cap in one["HostConfig"]["CapAdd"] or [])
        if added or one["HostConfig"]["CapDrop"] != ["ALL"]:
            found.add(" +".join([name, *added]))
    return found


def ports(one: dict[str, Any]) -> list[dict[str, str]]:
    """List where a container is published."""
    return [at for where in (one["HostConfig"]["PortBindings"] or {}).values() for at in where]


def sources(one: dict[str, Any]) -> set[str]:
    """Name what of the host is mounted."""
    return {mount["Source"] for mount in one["Mounts"]} | {
        bind.split(":")[0] for bind in one["HostConfig"]["Binds"] or []
    }


def is_bare(process: dict[str, str]) -> bool:
    """Tell whether a process has no capability, no root and no way to either."""
    sets = ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")
    no_root = "0" not in process["Uid"].split() + process["Gid"].split()
    return no_root and process["NoNewPrivs"] == "1" and not any(int(process[name], 16) for name in sets)


def running(holds: Callable[[dict[str, str]], bool]) -> Check:
    """Make a check of the processes of each container."""
    return lambda facts: {name for name, found in facts.processes.items() if not all(map(holds, found))}


CHECKS: dict[str, Check] = {
    "2.1": daemon(lambda facts: "name=rootless" in facts.security),
    "2.2": daemon(lambda facts: facts.icc == "false"),
    "2.3": daemon(lambda facts: facts.settings.get("log-level", "info") == "info"),
    "2.4": daemon(lambda facts: facts.settings.get("iptables", True)),
    "2.5": daemon(
        lambda facts: set(facts.info["RegistryConfig"]["InsecureRegistryCIDRs"]) <= {"127.0.0.0/8", "::1/128"}
    ),
    "2.6": daemon(lambda facts: facts.info["Driver"] != "aufs"),
    "2.7": daemon(lambda facts: not any("tcp://" in word for word in facts.command)),
    "2.8": daemon(lambda facts: "default-ulimits" in facts.settings),
    "2.9": daemon(lambda facts: "name=userns" in facts.security),
    "2.10": daemon(lambda facts: "cgroup-parent" not in facts.settings),
    "2.11": daemon(lambda facts: "basesize" not in json.dumps(facts.settings)),
    "2.12": daemon(lambda facts: "authorization-plugins" in facts.settings),
    "2.13": daemon(lambda facts: facts.info["LoggingDriver"] not in ("json-file", "local")),
    "2.14": daemon(lambda facts: facts.settings.get("no-new-privileges")),
    "2.15": daemon(lambda facts: facts.info["LiveRestoreEnabled"]),
    "2.16": daemon(lambda facts: facts.settings.get("userland-proxy") is False),
    "2.17": daemon(lambda facts: "name=seccomp" in facts.security and "unconfined" not in facts.security),
    "2.18": daemon(lambda facts: not facts.info["ExperimentalBuild"]),
    **{number: on_disk(number) for number in FILES},
    "4.1": each(lambda one: one["Config"]["User"].split(":")[0] not in ("", "0", "root")),
    "4.6": lambda facts: {name for name, one in facts.images.items() if not one["Config"].get("Healthcheck")},
    "4.9": lambda facts: {
        name for name, lines in facts.history.items() if any(" ADD " in f" {line}" for line in lines)
    },
    "5.1": daemon(lambda facts: facts.info["Swarm"]["LocalNodeState"] == "inactive"),
    # Where the kernel has it; the virtual machine does.
    "5.2": lambda facts: (
        {
            name
            for name, one in facts.containers.items()
            if (one["AppArmorProfile"] or "unconfined") == "unconfined"
        }
        if "name=apparmor" in facts.security
        else set()
    ),
    "5.4": capabilities,
    "5.5": host_config(lambda run: not run["Privileged"]),
    "5.6": each(lambda one: not sources(one) & SENSITIVE),
    "5.7": running(lambda process: "sshd" not in process["Command"]),
    "5.8": each(lambda one: all(int(at["HostPort"]) >= 1024 for at in ports(one))),
    "5.9": each(lambda one: {at["HostPort"] for at in ports(one)} <= {str(PORT)}),
    "5.10": host_config(lambda run: run["NetworkMode"] != "host"),
    "5.11": host_config(lambda run: run["Memory"]),
    "5.12": host_config(lambda run: run["CpuShares"]),
    "5.13": host_config(lambda run: run["ReadonlyRootfs"]),
    "5.14": each(lambda one: all(at["HostIp"] not in ("", "0.0.0.0", "::") for at in ports(one))),
    "5.15": host_config(
        lambda run: (
            run["RestartPolicy"]["Name"] == "on-failure" and run["RestartPolicy"]["MaximumRetryCount"] <= 5
        )
    ),
    "5.16": host_config(lambda run: run["PidMode"] != "host"),
    "5.17": host_config(lambda run: run["IpcMode"] != "host"),
    "5.18": host_config(lambda run: not run["Devices"]),
    "5.19": host_config(lambda run: not run["Ulimits"]),
    "5.20": each(lambda one: not [mount for mount in one["Mounts"] if "shared" in mount["Propagation"]]),
    "5.21": host_config(lambda run: run["UTSMode"] != "host"),
    "5.22": host_config(lambda run: "seccomp=unconfined" not in (run["SecurityOpt"] or [])),
    "5.25": host_config(lambda run: not run["CgroupParent"]),
    "5.26": host_config(lambda run: "no-new-privileges:true" in (run["SecurityOpt"] or [])),
    "5.27": each(lambda one: "Health" in one["State"]),
    "5.29": host_config(lambda run: (run["PidsLimit"] or 0) > 0),
    "5.30": each(lambda one: "bridge" not in one["NetworkSettings"]["Networks"]),
    "5.31": host_config(lambda run: run["UsernsMode"] != "host"),
    "5.32": each(lambda one: not sources(one) & SOCKETS),
    # Our own: what the settings come to, and that no log fills the disk.
    "processes": running(is_bare),
    "logs": host_config(lambda run: {"max-size", "max-file"} <= (run["LogConfig"]["Config"] or {}).keys()),
}

STATUS = """
import json, pathlib, sys
found = []
for pid in sys.argv[1:]:
    try:
        folder = pathlib.Path("/proc") / pid
        lines = dict(line.split(":", 1) for line in (folder / "status").read_text().splitlines())
        words = (folder / "cmdline").read_bytes().decode().split(chr(0))
    except (FileNotFoundError, ProcessLookupError):
        continue
    found.append({key: text.strip() for key, text in lines.items()} | {"Command": " ".join(words)})
print(json.dumps(found))
"""


def owners_and_modes(target: Target) -> dict[str, tuple[str, int]]:
    """Describe the files of section 3 that are there; units by their names."""
    found = {}
    for path in sorted({path for path, _, _ in FILES.values()}):
        real = path
        if not path.startswith("/"):
            real = target.run("systemctl show --property FragmentPath --value %s", path)
        result = target.host.run("stat --dereference --format '%%U:%%G %%a' %s", real)
        if result.succeeded:
            owner, mode = result.stdout.split()
            found[path] = owner, int(mode, 8)
    return found


def status(target: Target, *pids: str) -> list[dict[str, str]]:
    """Describe processes of a host."""
    found: list[dict[str, str]] = json.loads(
        target.run("python3 -c %s " + " ".join(["%s"] * len(pids)), STATUS, *pids)
    )
    return found


def learn(target: Target) -> Facts:
    containers = {service: target.container(service) for service in SERVICES}
    names = {service: one["Config"]["Image"] for service, one in containers.items()}
    options = target.inspect("network", "bridge")["Options"]
    return Facts(
        info=json.loads(target.run("docker info --format '{{json .}}'")),
        settings=json.loads(target.run("cat /etc/docker/daemon.json")),
        command=target.run("tr '\\0' ' ' </proc/$(pidof dockerd)/cmdline").split(),
        icc=options["com.docker.network.bridge.enable_icc"],
        files=owners_and_modes(target),
        images={service: target.inspect("image", name) for service, name in names.items()},
        history={
            service: target.run("docker history --no-trunc --format '{{.CreatedBy}}' %s", name).splitlines()
            for service, name in names.items()
        },
        containers=containers,
        processes={service: status(target, *map(str, target.processes(service))) for service in SERVICES},
    )


@pytest.fixture(scope="module")
def facts(targets: dict[str, Target]) -> dict[str, Facts]:
    return {name: learn(target) for name, target in targets.items()}


@pytest.fixture(scope="module")
def lax(targets: dict[str, Target]) -> Iterator[Facts]:
    """A host where everything is wrong. Its containers are real, but nobody starts them."""
    target = targets["debian13"]
    image = target.container("nginx")["Config"]["Image"]
    flags = {
        "shares": "--privileged --network host --pid host --ipc host --uts host --userns host"
        " --restart always --cgroup-parent /lax --ulimit nofile=99 --device /dev/null --volume /etc:/x"
        " --volume /run/docker.sock:/y --mount type=bind,source=/,target=/z,bind-propagation=rshared",
        "opens": "--publish 80:80 --cap-add SYS_ADMIN --security-opt seccomp=unconfined"
        " --log-driver none --user root --security-opt apparmor=unconfined",
    }
    containers = {}
    for name, words in flags.items():
        target.run(f"docker create --name molecule-lax-{name} {words} %s", image)
        containers[name] = target.inspect("container", f"molecule-lax-{name}")
    yield Facts(
        info={
            "SecurityOptions": ["name=apparmor"],
            "RegistryConfig": {"InsecureRegistryCIDRs": ["0.0.0.0/0"]},
            "Driver": "aufs",
            "LoggingDriver": "json-file",
            "LiveRestoreEnabled": False,
            "ExperimentalBuild": True,
            "Swarm": {"LocalNodeState": "active"},
        },
        settings={
            "log-level": "debug",
            "iptables": False,
            "cgroup-parent": "/lax",
            "storage-opts": ["dm.basesize=20G"],
        },
        command=["dockerd", "-H", "tcp://0.0.0.0:2375"],
        icc="true",
        files={path: ("nobody:nogroup", 0o777) for path, _, _ in FILES.values()},
        images={"lax": {"Config": {}}},
        history={"lax": ["ADD file:1 in /"]},
        containers=containers,
        processes={"lax": [process | {"Command": "sshd: root"} for process in status(target, "1")]},
    )
    target.run("docker rm molecule-lax-shares molecule-lax-opens")


@pytest.mark.parametrize("number", CHECKS)
def test_it_finds_what_is_excepted_and_nothing_else(facts: dict[str, Facts], number: str) -> None:
    found = {name: CHECKS[number](one) for name, one in facts.items()}
    assert found == dict.fromkeys(found, EXCEPTIONS.get(number, {}).keys())


@pytest.mark.parametrize("number", CHECKS)
def test_it_finds_what_is_wrong(lax: Facts, number: str) -> None:
    assert CHECKS[number](lax)


def test_exceptions_are_of_checks_and_have_reasons() -> None:
    assert EXCEPTIONS.keys() <= CHECKS.keys()
    assert all(len(reason) > 20 for entry in EXCEPTIONS.values() for reason in entry.values())
