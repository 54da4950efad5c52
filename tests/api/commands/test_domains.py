"""Mail domains, over HTTP."""

import pytest
from django.utils import timezone

from orgs import domains
from tests.api.commands.scene import Scene
from tests.api.program import Program, problem
from tests.groups_provisioning.world import by_command
from tests.orgs.name_server import NameServer


class TestADomain:
    def test_is_asked_for_proved_and_removed(self, scene: Scene, dns: NameServer) -> None:  # O6
        program, at = Program(scene.org), f"{scene.at}/domains/acme.example"
        record = program("PUT", f"{scene.at}/domains/ACME.example").json()["record"]
        assert problem(program("POST", f"{at}/verification")) == (409, "not-proven")
        dns.records[record["name"]] = ["muster-verification=other"]
        assert program("POST", f"{at}/verification").json()["found"] == ["muster-verification=other"]
        dns.records[record["name"]] = [record["value"]]
        told = program("POST", f"{at}/verification").json()
        assert (told["verified"], told["by_dns"]) == (True, True)
        assert program("GET", at).json() == told
        names = [each["name"] for each in program("GET", f"{scene.at}/domains").json()["items"]]
        assert names == ["acme.example", "corp.example"]
        assert program("DELETE", at).status_code == 204
        assert problem(program("GET", at)) == (404, "unknown-domain")

    def test_whose_record_is_gone_is_looked_for_again(self, scene: Scene, dns: NameServer) -> None:  # O6
        record = domains.record_value(scene.domain)
        domains.prove(org=scene.org, name="corp.example", cause=by_command())
        scene.org.verified_domains.update(gone_since=timezone.now())
        program, at = Program(scene.org), f"{scene.at}/domains/corp.example"
        assert problem(program("POST", f"{at}/verification")) == (409, "not-proven")
        dns.records["corp.example"] = [record]
        assert program("POST", f"{at}/verification").json()["gone_since"] is None

    @pytest.mark.parametrize("name", ["%00", "corp..example", "a b", "x" * 300, "%F0%9F%92%A9.example"])
    def test_has_the_name_of_one(self, scene: Scene, name: str) -> None:
        program, at = Program(scene.org), f"{scene.at}/domains/{name}"
        told = [program(method, at) for method in ("GET", "PUT", "DELETE")] + [program("POST", f"{at}/verification")]
        assert {problem(each) for each in told} == {(400, "not-a-domain")}
