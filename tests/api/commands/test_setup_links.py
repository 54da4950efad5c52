"""Setup links, over HTTP."""

from django.utils import timezone

from orgs import setup_links, tokens
from tests.api.commands.scene import Scene
from tests.api.program import Program
from tests.groups_provisioning.world import by_command


class TestALink:
    def test_opens_for_whoever_it_is_handed_to(self, scene: Scene) -> None:  # L8
        made = Program(scene.org)("POST", f"{scene.at}/setup-links", {"purpose": "domain", "recipient": "Cleo"}).json()
        secret = made["address"].rstrip("/").rpartition("/")[2]
        assert str(setup_links.of_secret(secret, at=timezone.now()).id) == made["id"]
        listed = Program(scene.org)("GET", f"{scene.at}/setup-links").json()["items"]
        assert [each["recipient"] for each in listed] == ["Cleo", "Bo"]
        assert "address" not in listed[0]

    def test_takes_the_token_along_that_waits(self, scene: Scene) -> None:  # L8
        waits = tokens.issue(org=scene.org, name="Bo's", link=scene.link, cause=by_command()).token
        program = Program(scene.org)
        assert program("GET", f"{scene.at}/tokens/{waits.id}").json()["waits"] is True
        assert program("DELETE", f"{scene.at}/setup-links/{scene.link.id}").status_code == 204
        assert program("GET", f"{scene.at}/tokens/{waits.id}").json()["revoked_at"]
