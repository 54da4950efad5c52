"""Real SAML identity providers set up on the portal's pages, from their metadata to who signs in."""

from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from django.http import HttpResponse
from django.test import Client
from pytest_django import Settings

from orgs.models import IdentityLink, Organization
from sso import connections
from sso.models import Revision
from tests.conftest import signed_in
from tests.factories import OrganizationFactory, OwnerFactory, UserFactory
from tests.page_text import text_at_first
from tests.sso.counterparts.running import Browser, running, simplesamlphp
from tests.sso.saml.identity_provider import ADA
from tests.sso.saml_provider import keep_our_key
from tests.sso.servers import LOCAL

PAGE = "/settings/single-sign-on/"

pytestmark = pytest.mark.django_db


@pytest.fixture
def org(settings: Settings) -> Organization:
    settings.IDP_NETWORKS = LOCAL
    org = OrganizationFactory.create()
    keep_our_key(org)
    return org


def set_up_and_sign_in(org: Organization, metadata_url: str, *, expected: str) -> None:
    """expected: what the test run shows."""
    ada = UserFactory.create(org=org, user_name=ADA)
    owner = signed_in(OwnerFactory.create(org=org))
    form = {"way": "url", "metadata_url": metadata_url, "name_claim": "NameID"}
    page = owner.post(PAGE + "configuration/", form, follow=True)
    assert "The draft is saved" in text_at_first(page)
    page = text_at_first(there_and_back(owner, PAGE + "test/"))
    assert "The test run has passed" in page
    assert expected in page
    owner.post(PAGE + "activate/", {"revision": str(Revision.objects.get().id)})
    client = Client()
    back = there_and_back(client, urlsplit(connections.start_url(org.sso_connections.get())).path)
    assert (back.status_code, client.session["_auth_user_id"]) == (302, str(ada.id))
    assert IdentityLink.objects.get(user=ada).subject == ADA


def there_and_back(client: Client, start: str) -> HttpResponse:
    action, fields = Browser().sign_in(client.get(start).headers["Location"], username="ada", password="secret")
    return client.post(urlsplit(action).path, fields)


class TestSamlp:
    @pytest.mark.parametrize("shape", ["response", "gcm"])
    def test_is_set_up_and_signs_ada_in(
        self, node: Callable[[str], tuple[str, str]], keys: Path, org: Organization, shape: str
    ) -> None:  # L2, L3
        connection = org.sso_connections.get()
        ours = connections.entity_id(connection), connections.acs_url(connection)
        with running(*node("samlp_idp.mjs"), str(keys), *ours) as port:
            set_up_and_sign_in(org, f"http://127.0.0.1:{port}/{shape}/metadata", expected=f"userName {ADA}")


class TestSimpleSamlPhp:
    def test_is_set_up_and_signs_ada_in(self, php: str, keys: Path, org: Organization) -> None:  # L2, L3, L7
        metadata = Client().get(urlsplit(connections.entity_id(org.sso_connections.get())).path)
        (keys / "muster.xml").write_bytes(metadata.content)
        with simplesamlphp(php, keys, COUNTERPART_ENCRYPTS="1") as described:
            base = described.sso_url.partition("/saml2/")[0]
            set_up_and_sign_in(org, f"{base}/saml2/idp/metadata.php", expected=f"mail {ADA}")
