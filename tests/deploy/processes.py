"""The processes of the portal, as each way to install it starts them."""

import json
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.servers import ROOT

DEPLOY = ROOT / "deploy"
NAMES = ("web", "worker", "webhooks", "beat", "migrate")


@dataclass(frozen=True)
class Process:
    """grace: seconds between the request to stop and the kill. secrets: names of files in MUSTER_SECRETS."""

    name: str
    command: tuple[str, ...]
    variables: dict[str, str]
    secrets: frozenset[str]
    grace: int


def dockerfile() -> list[tuple[str, str]]:
    """Its instructions, with what each is given, on one line."""
    text = re.sub(r"^#.*\n", "", (DEPLOY / "Dockerfile").read_text(), flags=re.MULTILINE).replace("\\\n", " ")
    return [(line.split(" ", 1)[0], line.split(" ", 1)[1].strip()) for line in text.splitlines() if line]


def image_variables() -> dict[str, str]:
    (given,) = (rest for instruction, rest in dockerfile() if instruction == "ENV")
    return dict(part.split("=", 1) for part in shlex.split(given))


def image_command() -> tuple[str, ...]:
    (given,) = (rest for instruction, rest in dockerfile() if instruction == "CMD")
    return tuple(json.loads(given))


def variables_in(path: Path) -> dict[str, str]:
    lines = [line for line in path.read_text().splitlines() if line and not line.startswith("#")]
    return dict(line.split("=", 1) for line in lines)


def operators_variables() -> dict[str, str]:
    return variables_in(DEPLOY / "compose" / "portal.env.example")


def compose() -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load((DEPLOY / "compose" / "compose.yaml").read_text())
    return document


def in_compose() -> dict[str, Process]:
    return {
        name: Process(
            name,
            tuple(service.get("command", image_command())),
            {**image_variables(), **operators_variables(), **service["environment"]},
            frozenset(service["secrets"]),
            int(service.get("stop_grace_period", "10s").removesuffix("s")),
        )
        for name, service in compose()["services"].items()
        if service["image"] == "muster"
    }


def pods(manifests: list[Any]) -> dict[str, Any]:
    """Specifications of pods, by the process in them."""
    found = (each["spec"]["template"]["spec"] for each in manifests if each["kind"] in ("Deployment", "Job"))
    return {spec["containers"][0]["name"]: spec for spec in found}


def in_chart(manifests: list[Any], secrets: frozenset[str]) -> dict[str, Process]:
    """secrets: keys of the Secret that has to exist."""
    found = {}
    for name, spec in pods(manifests).items():
        (container,) = spec["containers"]
        given = {each["name"]: each["value"] for each in container["env"]}
        (mount,) = (each["mountPath"] for each in container["volumeMounts"] if each["name"] == "secrets")
        assert given["MUSTER_SECRETS"] == mount
        variables = {**image_variables(), **given}
        found[name] = Process(
            name, tuple(container["command"]), variables, secrets, spec["terminationGracePeriodSeconds"]
        )
    return found


def unit_files() -> list[Path]:
    return sorted((DEPLOY / "systemd").glob("muster-*.service"))


def unit_lines(path: Path, section: str) -> Iterator[tuple[str, str]]:
    """Settings of one section of a unit, whose names may come more than once."""
    for block in path.read_text().split("["):
        if block.startswith(f"{section}]"):
            yield from (tuple(line.split("=", 1)) for line in block.splitlines() if "=" in line and line[0] != "#")  # type: ignore[misc]


def unit(path: Path) -> dict[str, str]:
    """The settings of [Unit] and [Service] together, those that several units share included; the last counts."""
    shared = DEPLOY / "systemd" / "muster-.service.d" / "common.conf"
    parts = [(each, section) for each in (shared, path) for section in ("Unit", "Service")]
    return {name: value for part in parts for name, value in unit_lines(*part)}


def in_systemd() -> dict[str, Process]:
    shared = list(unit_lines(DEPLOY / "systemd" / "muster-.service.d" / "common.conf", "Service"))
    given = dict(value.split("=", 1) for name, value in shared if name == "Environment")
    secrets = frozenset(value.split(":")[0] for name, value in shared if name == "LoadCredential")
    assert given["MUSTER_SECRETS"] == "%d"  # the directory of credentials
    found = {}
    for path in unit_files():
        name = path.stem.removeprefix("muster-")
        settings = unit(path)
        program, *rest = shlex.split(settings["ExecStart"].replace("%%", "%"))
        command = (program.removeprefix("/opt/muster/.venv/bin/"), *rest)
        grace = int(settings.get("TimeoutStopSec", "90"))
        found[name] = Process(name, command, {**operators_variables(), **given}, secrets, grace)
    return found
