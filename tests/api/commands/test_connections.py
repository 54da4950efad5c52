"""The connection to an identity provider, over HTTP."""

from typing import Any

import pytest
from django.utils import timezone
from pytest_django import Settings

from orgs.models import Organization
from sso.models import Revision
from tests.api.commands.scene import ISSUER, OIDC, SAML, Scene
from tests.api.program import Program, problem
from tests.factories import UserFactory
from tests.sso.saml.identity_provider import IDP, SSO_URL, pin


class TestAConnection:
    def test_gives_its_addresses_before_anything_else(self, org: Organization, settings: Settings) -> None:  # L2
        settings.MUSTER_URL = "https://muster.example"
        program, at = Program(org), f"/organizations/{org.id}/connection"
        assert problem(program("GET", at)) == (404, "")
        told = program("PUT", at, {"idp": "okta"}).json()
        base = f"https://muster.example/sso/{told['id']}"
        assert told["addresses"] == {
            "redirect_uri": f"{base}/callback",
            "initiate": f"{base}/initiate",
            "logout": f"{base}/logout",
            "start": f"{base}/start",
            "revocation": f"{base}/revoke",
            "entity_id": None,
            "acs": None,
            "test": "https://muster.example/settings/single-sign-on/test/",
        }
        told = program("PUT", at, {"idp": "jumpcloud", "protocol": "saml"}).json()
        assert told["addresses"]["acs"] == f"{base}/acs"
        assert told["addresses"]["redirect_uri"] is None
        assert (told["condition"], told["active"], told["draft"]) == ("prepared", None, None)

    def test_is_drafted_tested_activated_and_switched_off(self, scene: Scene) -> None:  # L3
        program, at = Program(scene.org), f"{scene.at}/connection"
        told = program("PUT", f"{at}/draft", {"oidc": OIDC}).json()
        draft = told["draft"]
        assert (draft["issuer"], draft["name_claim"], draft["tested_at"]) == (f"{ISSUER}/2", "preferred_username", None)
        assert draft["secret_ends_on"] == "2027-11-30"
        assert "other" not in str(told)
        assert told["warning"]["reason"] == "no_public_address"
        assert problem(program("PUT", f"{at}/active", {"revision": draft["id"]})) == (409, "not-tested")
        Revision.objects.update(tested_at=timezone.now())
        assert program("PUT", f"{at}/draft", {"oidc": OIDC}).json()["draft"]["tested_at"]
        UserFactory.create(org=scene.org)
        would = program.preview("PUT", f"{at}/active", {"revision": draft["id"]}).json()
        assert would["people"] == {"people": 1, "with_password": 0, "unlinked": 1}
        told = program("PUT", f"{at}/active", {"revision": draft["id"]}).json()
        assert (told["condition"], told["active"]["id"], told["draft"]) == ("active", draft["id"], None)
        assert program.preview("DELETE", f"{at}/active").json()["people"] == would["people"]
        assert program("DELETE", f"{at}/active").status_code == 204
        assert program("GET", at).json()["condition"] == "off"

    def test_by_saml_shows_whose_certificates_it_trusts(self, scene: Scene) -> None:  # L2
        draft = Program(scene.org)("PUT", f"{scene.at}/connection/draft", {"saml": SAML}).json()["draft"]
        assert (draft["issuer"], draft["sso_url"], draft["name_claim"]) == (IDP, SSO_URL, "NameID")
        assert [each["fingerprint"] for each in draft["certificates"]] == [pin().fingerprint]

    @pytest.mark.parametrize(
        ("draft", "name"),
        [
            ({}, "oidc"),
            ({"oidc": OIDC, "saml": SAML}, "oidc"),
            ({"oidc": OIDC | {"name_claim": "user name"}}, "oidc.name_claim"),
            ({"saml": SAML | {"name_claim": "email"}}, "saml.name_claim"),
            ({"saml": SAML | {"metadata": "<x/>"}}, "saml.saml"),
            ({"saml": {"entity_id": IDP}}, "saml.saml"),
            ({"saml": SAML | {"certificates": []}}, "saml.certificates"),
        ],
    )
    def test_needs_one_description_of_the_provider(self, scene: Scene, draft: Any, name: str) -> None:
        told = Program(scene.org)("PUT", f"{scene.at}/connection/draft", draft)
        assert problem(told) == (400, "invalid-value")
        assert set(told.json()["errors"]) == {name}

    def test_is_not_previewed_where_somebody_would_have_to_be_asked(self, scene: Scene) -> None:
        draft = {"saml": {"metadata_url": "https://192.0.2.1/metadata"}}
        program, at = Program(scene.org), f"{scene.at}/connection/draft"
        assert problem(program.preview("PUT", at, draft)) == (409, "no-preview")
        told = program("PUT", at, draft)
        assert (problem(told), told.json()["reason"]) == ((409, "configuration-refused"), "no_public_address")
