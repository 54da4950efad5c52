"""An org that has one of everything that commands about organizations and credentials are about."""

from django.utils import timezone

from orgs import domains, setup_links
from orgs.history import Cause
from orgs.models import Door, Organization, PendingDomain, Purpose
from sso import connections
from sso.connections import Facts
from sso.models import Revision
from tests.api.consumer import key_of
from tests.factories import OwnerFactory, issue_token
from tests.groups_provisioning.world import by_command
from tests.sso.saml.identity_provider import IDP, SSO_URL, pin
from tests.sso.saml_provider import keep_our_key

ISSUER = "https://192.0.2.1"  # refused as soon as it would be asked
FACTS = Facts(ISSUER, "client", "secret")
OIDC = {"issuer": f"{ISSUER}/2", "client_id": "client", "client_secret": "other", "secret_ends_on": "2027-11-30"}
SAML = {"entity_id": IDP, "sso_url": SSO_URL, "certificates": [pin().pem]}
TOKEN = {"name": "Entra", "idp": "entra", "expires_in_days": 90, "networks": ["192.0.2.0/24"]}
LINK = {"purpose": "sso", "recipient": "Cleo"}


class Scene:
    """An org that has one of everything. corp.example waits for its record, which `dns` has."""

    def __init__(self, org: Organization) -> None:
        self.org = org
        self.at = f"/organizations/{org.id}"
        self.owner = OwnerFactory.create(org=org, user_name="ada@corp.example")
        self.token = issue_token(org, "Okta").token
        self.key = key_of(org).key
        self.link = setup_links.make(
            org=org, purpose=Purpose.SCIM, recipient="Bo", cause=Cause(Door.COMMAND, timezone.now())
        ).link
        domains.ask(org=org, name="corp.example", cause=by_command())
        self.domain = PendingDomain.objects.get()
        keep_our_key(org)
        self.draft = connections.draft(org=org, facts=FACTS, cause=by_command())
        Revision.objects.update(tested_at=timezone.now())

    def activate(self) -> None:
        connections.activate(org=self.org, revision_id=self.draft.id, cause=by_command())
