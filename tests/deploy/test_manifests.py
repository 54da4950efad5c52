"""The image, the compose file and the chart, as their tools understand them."""

import re
import tomllib
from typing import Any

import pytest

from config import environment
from tests.deploy import processes
from tests.deploy.processes import DEPLOY, NAMES, ROOT

NOT_ROOT = {"10001:10001", "nginx", "postgres", "valkey"}


class TestTheImage:
    def test_satisfies_hadolint(self, manifests: dict[str, Any]) -> None:
        assert manifests["dockerfile"] == []

    def test_has_all_rooms_and_no_more(self) -> None:
        rooms = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["root_packages"]
        copied = {rest.split()[0] for instruction, rest in processes.dockerfile() if instruction == "COPY"}
        local = {each for each in copied if not each.startswith("--from=")}
        assert local == {*rooms, "templates", "static", "manage.py", "requirements/production.txt"}
        ignored = (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines()
        assert {line[1:] for line in ignored if line.startswith("!")} == local

    def test_runs_as_a_user_without_rights_from_bases_with_a_version(self) -> None:
        instructions = processes.dockerfile()
        assert [rest for instruction, rest in instructions if instruction == "USER"] == ["10001:10001"]
        bases = {rest.removesuffix(" AS build") for instruction, rest in instructions if instruction == "FROM"}
        assert bases == {"python:3.11-slim-bookworm"}

    def test_has_a_place_for_receipts(self) -> None:
        made = " ".join(rest for instruction, rest in processes.dockerfile() if instruction == "RUN")
        receipts = processes.image_variables()["MUSTER_RECEIPTS"]
        assert f"install -d -o 10001 -g 10001 -m 700 {receipts}" in made

    def test_asks_itself_for_its_health(self) -> None:
        (check,) = (rest for instruction, rest in processes.dockerfile() if instruction == "HEALTHCHECK")
        assert check.endswith('CMD ["python", "-m", "config.ready"]')


class TestCompose:
    def test_is_valid(self, manifests: dict[str, Any]) -> None:
        assert manifests["compose"] == ""

    @pytest.mark.parametrize("name", [*NAMES, "proxy", "postgres", "valkey"])
    def test_contains_every_process(self, name: str) -> None:
        service = processes.compose()["services"][name]
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert service.get("user", "10001:10001") in NOT_ROOT
        assert service["image"] == "muster" or re.search(r":\d+(\.\d+)?-bookworm$", service["image"])

    def test_lets_nobody_past_the_proxy(self) -> None:
        services = processes.compose()["services"]
        assert [name for name, service in services.items() if "ports" in service] == ["proxy"]
        assert processes.compose()["networks"]["data"] == {"internal": True}
        assert services["postgres"]["networks"] == services["valkey"]["networks"] == ["data"]

    def test_migrates_before_anything_runs(self) -> None:
        services = processes.compose()["services"]
        for name in ("web", "worker", "webhooks", "beat"):
            assert services[name]["depends_on"]["migrate"] == {"condition": "service_completed_successfully"}
        assert services["migrate"]["depends_on"] == {"postgres": {"condition": "service_healthy"}}

    def test_keeps_receipts_where_the_worker_writes_them(self) -> None:
        receipts = processes.image_variables()["MUSTER_RECEIPTS"]
        kept = {name: service.get("volumes") for name, service in processes.compose()["services"].items()}
        assert kept["worker"] == [f"receipts:{receipts}"]
        assert not any(kept[name] for name in ("web", "webhooks", "beat", "migrate"))


class TestTheChart:
    def test_satisfies_helm(self, manifests: dict[str, Any]) -> None:
        assert manifests["lint"] == []

    def test_asks_for_the_address(self, manifests: dict[str, Any]) -> None:
        assert "url is required" in manifests["without_url"]

    @pytest.mark.parametrize("name", NAMES)
    def test_contains_every_process(self, manifests: dict[str, Any], name: str) -> None:
        pod = processes.pods(manifests["chart"])[name]
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["automountServiceAccountToken"] is False
        (container,) = pod["containers"]
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert set(container["resources"]) == {"requests", "limits"}

    def test_asks_for_health_by_the_name_that_web_answers_to(self, manifests: dict[str, Any]) -> None:
        web = processes.pods(manifests["chart"])["web"]["containers"][0]
        given = {each["name"]: each["value"] for each in web["env"] if each["name"] != "MUSTER_SECRETS"}
        for probe, path in (("startup", "live"), ("liveness", "live"), ("readiness", "ready")):
            asked = web[f"{probe}Probe"]["httpGet"]
            assert asked["path"] == f"/health/{path}"
            (host,) = (header["value"] for header in asked["httpHeaders"])
            assert host.rsplit(":", 1)[0] in environment.read(given).allowed_hosts

    def test_has_one_clock_and_migrates_before_anything_runs(self, manifests: dict[str, Any]) -> None:
        by_name = {each["metadata"]["name"]: each for each in manifests["chart"]}
        beat = by_name["acme-beat"]["spec"]
        assert (beat["replicas"], beat["strategy"]["type"]) == (1, "Recreate")
        assert by_name["acme-migrate"]["metadata"]["annotations"]["helm.sh/hook"] == "pre-install,pre-upgrade"

    def test_lets_migrations_go_past_a_pooler(self, manifests: dict[str, Any]) -> None:
        for values, secret in (("chart", "muster"), ("with_claim", "direct")):
            for name, pod in processes.pods(manifests[values]).items():
                (given,) = (volume["secret"]["secretName"] for volume in pod["volumes"] if volume["name"] == "secrets")
                assert given == (secret if name == "migrate" else "muster")

    def test_sends_the_address_to_web(self, manifests: dict[str, Any]) -> None:
        by_kind = {each["kind"]: each for each in manifests["chart"]}
        (rule,) = by_kind["Ingress"]["spec"]["rules"]
        assert rule["host"] == "muster.example.org"
        (path,) = rule["http"]["paths"]
        service = by_kind["Service"]
        assert path["backend"]["service"]["name"] == service["metadata"]["name"] == "acme-web"
        pods = [each["spec"]["template"] for each in manifests["chart"] if each["kind"] == "Deployment"]
        found = [pod for pod in pods if pod["metadata"]["labels"] == service["spec"]["selector"]]
        assert [pod["spec"]["containers"][0]["name"] for pod in found] == ["web"]

    def test_keeps_receipts_where_the_operator_says(self, manifests: dict[str, Any]) -> None:
        claimed = {"persistentVolumeClaim": {"claimName": "receipts"}}
        for values, kept in (("chart", {"emptyDir": {}}), ("with_claim", claimed)):
            pods = processes.pods(manifests[values])
            volumes = {(name, volume["name"]): volume for name, pod in pods.items() for volume in pod["volumes"]}
            assert volumes["worker", "receipts"] == {"name": "receipts", **kept}
            assert [process for process, name in volumes if name == "receipts"] == ["worker"]
