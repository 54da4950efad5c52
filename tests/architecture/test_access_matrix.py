"""Who may open what: every address of the portal, by everybody there is. A new address has to join the table."""

import json
import re
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from itertools import cycle
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.conf import settings
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.db import transaction
from django.http import HttpResponse
from django.test import Client, RequestFactory
from django.urls import URLPattern, get_resolver, reverse
from django.urls.resolvers import RegexPattern, URLResolver
from django.utils import timezone

from api.models import Endpoint
from api.webhooks import endpoints
from groups_provisioning.actions import group_ends, imports, manual_changes, rules
from groups_provisioning.actions.rules import RuleFacts
from groups_provisioning.models import Decision, Import, Kind, PatternType, Pending, Phase, Preview, PushedGroup, Status
from orgs import domains, invitations, mail_choices, matters, proposals, setup_links, sign_in, tokens
from orgs.change_details import ConflictDecided, OrgFounded
from orgs.db.keys import uuid7
from orgs.history import Cause, record
from orgs.matters import Occurrence
from orgs.models import (
    Change,
    Door,
    EntityKind,
    Invitation,
    MailTime,
    Matter,
    MatterKind,
    Organization,
    Purpose,
    ScimToken,
    Scope,
    SetupLink,
    User,
)
from orgs.staff_groups import StaffRole
from orgs.web import limits
from orgs.web.access import RECENT, SIGNED_IN_AT
from scim import request_log
from scim.api.urls import urlpatterns as scim_patterns
from scim.models import RequestLog
from sso import connections
from sso.connections import Facts
from sso.models import IssuerDocument, Revision
from sso.oidc.documents import description_url
from tests.api.consumer import key_of
from tests.authenticators import App
from tests.conftest import Idp, signed_in
from tests.factories import (
    EntityFactory,
    HoldFactory,
    MappingFactory,
    OrganizationFactory,
    OwnerFactory,
    StaffFactory,
    UserFactory,
    issue_token,
)
from tests.groups_provisioning.world import by_command
from tests.orgs.test_deletions import full_org
from tests.orgs.test_invitations import secret_of
from tests.sso.oidc.issuer import CLIENT, ISSUER, SECRET, description, rsa

# What comes of a request.
OPEN = "the page"
SIGN_IN = "sign in first"
REFUSED = "403 in words"
ABSENT = "404"
ADMIN = "on to the admin"
ONWARD = "on to another page"
WRONG_METHOD = "405"
BAD = "400"

PEOPLE = ("anonymous", "stranger", "member", "admin", "support")
EVERYBODY = (OPEN,) * 5
SIGNED_IN = (SIGN_IN, OPEN, OPEN, OPEN, OPEN)
CHANGE_OF_ONESELF = (SIGN_IN, ONWARD, ONWARD, ONWARD, ONWARD)
ORG_ADMINS = (SIGN_IN, OPEN, REFUSED, OPEN, ADMIN)

THEIR_OWN = (SIGN_IN, ABSENT, REFUSED, OPEN, ADMIN)
# What is sent about something that is gone, or another org's, which is the same: a list says so.
CHANGE_THEIR_OWN = (SIGN_IN, ONWARD, REFUSED, OPEN, ADMIN)

# By name and method: what the people above get, in their order. The stranger administers another org: what has no id
# in its address is then about that one. {token}: one of the admin's org.
MATRIX: dict[tuple[str, str], tuple[str, ...]] = {
    ("health-live", "GET"): EVERYBODY,
    ("health-ready", "GET"): EVERYBODY,
    ("health-queue", "GET"): EVERYBODY,
    ("api-docs", "GET"): EVERYBODY,
    ("problem", "GET"): EVERYBODY,
    ("sign-in", "GET"): (OPEN, ONWARD, ONWARD, ONWARD, ADMIN),
    ("sign-in-org", "GET"): (OPEN, OPEN, ONWARD, ONWARD, OPEN),  # who is signed in elsewhere may sign in here
    ("where-to-sign-in", "GET"): EVERYBODY,
    ("support-view-end", "GET"): (WRONG_METHOD,) * 5,
    ("support-view-end", "POST"): (SIGN_IN, ONWARD, ONWARD, ONWARD, ADMIN),
    ("sign-out", "GET"): (WRONG_METHOD,) * 5,
    ("sign-out", "POST"): (SIGN_IN,) * 5,
    ("display", "GET"): (WRONG_METHOD,) * 5,
    ("display", "POST"): CHANGE_OF_ONESELF,  # to their account
    ("forgotten-password", "GET"): EVERYBODY,
    ("set-password", "GET"): (ONWARD,) * 5,
    ("second-factor", "GET"): (SIGN_IN, ONWARD, ONWARD, ONWARD, ADMIN),
    ("second-factor", "POST"): (SIGN_IN, ONWARD, ONWARD, ONWARD, ADMIN),
    ("second-factors", "GET"): SIGNED_IN,
    ("second-factor-app", "GET"): SIGNED_IN,
    ("second-factor-app", "POST"): SIGNED_IN,  # without a code
    ("second-factor-passkey", "GET"): SIGNED_IN,
    ("second-factor-passkey", "POST"): SIGNED_IN,
    ("second-factor-codes", "GET"): SIGNED_IN,
    ("second-factor-codes", "POST"): CHANGE_OF_ONESELF,  # without a factor
    ("second-factor-remove", "GET"): CHANGE_OF_ONESELF,  # of a factor that is not theirs
    ("second-factor-remove", "POST"): CHANGE_OF_ONESELF,
    ("account", "GET"): SIGNED_IN,
    ("account-mails", "GET"): ORG_ADMINS,
    ("account-mails", "POST"): ORG_ADMINS,  # without a choice
    ("mails-stop", "GET"): EVERYBODY,  # who has the mail
    ("mails-stop", "POST"): EVERYBODY,
    ("account-name", "GET"): (WRONG_METHOD,) * 5,
    ("account-name", "POST"): CHANGE_OF_ONESELF,
    ("account-time-zone", "GET"): (WRONG_METHOD,) * 5,
    ("account-time-zone", "POST"): CHANGE_OF_ONESELF,
    ("account-password", "GET"): SIGNED_IN,
    ("account-password", "POST"): SIGNED_IN,  # without the present one
    ("account-session-end", "GET"): (SIGN_IN, ABSENT, ABSENT, ABSENT, ABSENT),  # another person's
    ("account-session-end", "POST"): CHANGE_OF_ONESELF,
    ("account-sessions-end", "GET"): SIGNED_IN,
    ("account-sessions-end", "POST"): CHANGE_OF_ONESELF,
    ("overview", "GET"): (SIGN_IN, OPEN, ONWARD, OPEN, ADMIN),  # to their account
    ("sso-start", "GET"): (ONWARD,) * 5,  # to the identity provider
    ("sso-callback", "GET"): (REFUSED,) * 5,  # without having begun here
    ("sso-acs", "GET"): (WRONG_METHOD,) * 5,
    ("sso-acs", "POST"): EVERYBODY,  # the page that posts it again
    ("sso-metadata", "GET"): (ABSENT,) * 5,  # of a connection for OpenID Connect
    ("sso-initiate", "GET"): (REFUSED,) * 5,  # without a word of who asks
    ("sso-initiate", "POST"): (REFUSED,) * 5,
    ("sso-logout", "GET"): (WRONG_METHOD,) * 5,
    ("sso-logout", "POST"): (BAD,) * 5,  # without a token
    ("sso-revoke", "GET"): (WRONG_METHOD,) * 5,
    ("sso-revoke", "POST"): (BAD,) * 5,  # without a token
    ("search", "GET"): ORG_ADMINS,
    ("activity", "GET"): ORG_ADMINS,
    ("activity-export", "GET"): ORG_ADMINS,
    ("change", "GET"): (SIGN_IN, ABSENT, REFUSED, OPEN, ADMIN),
    ("authentication", "GET"): ORG_ADMINS,
    ("owner-hand-over", "GET"): (SIGN_IN, REFUSED, REFUSED, REFUSED, ADMIN),  # for the owner alone
    ("owner-hand-over", "POST"): (SIGN_IN, REFUSED, REFUSED, REFUSED, ADMIN),
    ("domain-new", "GET"): ORG_ADMINS,
    ("domain-new", "POST"): ORG_ADMINS,  # without a name
    ("domain", "GET"): THEIR_OWN,
    ("domain-check", "GET"): (WRONG_METHOD,) * 5,
    ("domain-check", "POST"): (SIGN_IN, ONWARD, REFUSED, ONWARD, ADMIN),  # to the page of a domain that is not theirs
    ("domain-remove", "GET"): THEIR_OWN,
    ("domain-remove", "POST"): (SIGN_IN, ONWARD, REFUSED, ONWARD, ADMIN),
    ("scim-provisioning", "GET"): ORG_ADMINS,
    ("scim-tokens-export", "GET"): ORG_ADMINS,
    ("scim-log", "GET"): ORG_ADMINS,
    ("scim-log-news", "GET"): (SIGN_IN, ONWARD, REFUSED, ONWARD, ADMIN),  # to the list
    ("scim-log-export", "GET"): ORG_ADMINS,
    ("scim-log-entry", "GET"): (SIGN_IN, ABSENT, REFUSED, OPEN, ADMIN),
    ("scim-group-provisioning", "GET"): ORG_ADMINS,
    ("scim-group-provisioning", "POST"): (SIGN_IN, ONWARD, REFUSED, ONWARD, ADMIN),
    ("scim-token-new", "GET"): ORG_ADMINS,
    ("scim-token-new", "POST"): ORG_ADMINS,
    ("scim-token-confirm", "GET"): (SIGN_IN, ABSENT, REFUSED, OPEN, ADMIN),
    ("scim-token-confirm", "POST"): (SIGN_IN, ABSENT, REFUSED, ONWARD, ADMIN),
    ("scim-token-limit", "GET"): THEIR_OWN,
    ("scim-token-limit", "POST"): THEIR_OWN,  # without addresses
    ("scim-token-revoke", "GET"): (SIGN_IN, ABSENT, REFUSED, OPEN, ADMIN),
    ("scim-token-revoke", "POST"): (SIGN_IN, ABSENT, REFUSED, ONWARD, ADMIN),
    ("scim-token-take-over", "GET"): (WRONG_METHOD,) * 5,
    ("scim-token-take-over", "POST"): (SIGN_IN, ABSENT, REFUSED, ONWARD, ADMIN),
    ("api-keys", "GET"): ORG_ADMINS,
    ("api-key-new", "GET"): ORG_ADMINS,
    ("api-key-new", "POST"): ORG_ADMINS,  # without a name
    ("api-key-take-over", "GET"): (WRONG_METHOD,) * 5,
    ("api-key-take-over", "POST"): (SIGN_IN, ABSENT, REFUSED, ONWARD, ADMIN),
    ("api-key-revoke", "GET"): THEIR_OWN,
    ("api-key-revoke", "POST"): (SIGN_IN, ABSENT, REFUSED, ONWARD, ADMIN),
    ("webhooks", "GET"): ORG_ADMINS,
    ("webhook-new", "GET"): ORG_ADMINS,
    ("webhook-new", "POST"): ORG_ADMINS,  # without an address
    ("webhook", "GET"): THEIR_OWN,
    ("webhook-edit", "GET"): THEIR_OWN,
    ("webhook-edit", "POST"): CHANGE_THEIR_OWN,  # without an address
    ("webhook-rotate", "GET"): THEIR_OWN,
    ("webhook-rotate", "POST"): CHANGE_THEIR_OWN,  # without having seen the question
    ("webhook-test", "GET"): (WRONG_METHOD,) * 5,
    ("webhook-test", "POST"): (SIGN_IN, ONWARD, REFUSED, ONWARD, ADMIN),  # of a receiver that cannot be reached
    ("webhook-replay", "GET"): THEIR_OWN,
    ("webhook-replay", "POST"): CHANGE_THEIR_OWN,  # without a beginning
    ("webhook-enable", "GET"): (WRONG_METHOD,) * 5,
    ("webhook-enable", "POST"): (SIGN_IN, ONWARD, REFUSED, ONWARD, ADMIN),
    ("webhook-disable", "GET"): THEIR_OWN,
    ("webhook-disable", "POST"): (SIGN_IN, ONWARD, REFUSED, ONWARD, ADMIN),
    ("webhook-delete", "GET"): THEIR_OWN,
    ("webhook-delete", "POST"): (SIGN_IN, ONWARD, REFUSED, ONWARD, ADMIN),
    ("matter-dismiss", "GET"): (WRONG_METHOD,) * 5,
    ("matter-dismiss", "POST"): (SIGN_IN, ONWARD, REFUSED, ONWARD, ADMIN),
    ("sso", "GET"): ORG_ADMINS,
    ("sso-provider", "GET"): ORG_ADMINS,
    ("sso-provider", "POST"): ORG_ADMINS,  # without one
    ("sso-configure", "GET"): (SIGN_IN, ONWARD, REFUSED, OPEN, ADMIN),
    ("sso-configure", "POST"): (SIGN_IN, ONWARD, REFUSED, OPEN, ADMIN),  # without an issuer
    ("sso-test", "GET"): (SIGN_IN, ONWARD, REFUSED, OPEN, ADMIN),  # which says that the issuer cannot be reached
    ("sso-activate", "GET"): (SIGN_IN, ONWARD, REFUSED, OPEN, ADMIN),
    ("sso-activate", "POST"): (SIGN_IN, ONWARD, REFUSED, ONWARD, ADMIN),
    ("sso-switch-off", "GET"): (SIGN_IN, ONWARD, REFUSED, OPEN, ADMIN),
    ("sso-switch-off", "POST"): (SIGN_IN, ONWARD, REFUSED, ONWARD, ADMIN),
    ("sso-discard", "GET"): (SIGN_IN, ONWARD, REFUSED, OPEN, ADMIN),
    ("sso-discard", "POST"): (SIGN_IN, ONWARD, REFUSED, ONWARD, ADMIN),
    ("sso-accounts", "GET"): (SIGN_IN, ONWARD, REFUSED, OPEN, ADMIN),
    ("sso-accounts", "POST"): (SIGN_IN, ONWARD, REFUSED, ONWARD, ADMIN),
    ("sso-sign-ins", "GET"): ORG_ADMINS,
    ("sso-renewal-link", "GET"): (SIGN_IN, ONWARD, REFUSED, ONWARD, ADMIN),  # of a connection for OpenID Connect
    ("sso-renewal-link", "POST"): (SIGN_IN, ONWARD, REFUSED, ONWARD, ADMIN),
    ("sso-unlink-all", "GET"): ORG_ADMINS,
    ("sso-unlink-all", "POST"): (SIGN_IN, ONWARD, REFUSED, ONWARD, ADMIN),
    ("sso-unlink", "GET"): THEIR_OWN,
    ("sso-unlink", "POST"): (SIGN_IN, ONWARD, REFUSED, ONWARD, ADMIN),
    ("groups", "GET"): ORG_ADMINS,
    ("groups-export", "GET"): ORG_ADMINS,
    ("groups-bulk", "GET"): (WRONG_METHOD,) * 5,
    ("groups-bulk", "POST"): (SIGN_IN, ONWARD, REFUSED, ONWARD, ADMIN),
    ("group-then", "GET"): THEIR_OWN,
    ("group", "GET"): THEIR_OWN,
    ("group-members-export", "GET"): THEIR_OWN,
    ("group-progress", "GET"): THEIR_OWN,
    ("group-history", "GET"): (SIGN_IN, ABSENT, REFUSED, ONWARD, ADMIN),
    ("group-in-sync", "GET"): THEIR_OWN,
    ("group-in-sync", "POST"): CHANGE_THEIR_OWN,  # without having seen the question
    ("group-end", "GET"): THEIR_OWN,
    ("group-end", "POST"): CHANGE_THEIR_OWN,  # without having seen the effect
    ("group-undo-end", "GET"): THEIR_OWN,
    ("group-undo-end", "POST"): CHANGE_THEIR_OWN,
    ("group-map", "GET"): THEIR_OWN,
    ("group-map", "POST"): CHANGE_THEIR_OWN,
    ("group-role", "GET"): THEIR_OWN,
    ("group-role", "POST"): CHANGE_THEIR_OWN,
    ("mapping-approve", "GET"): THEIR_OWN,
    ("mapping-approve", "POST"): CHANGE_THEIR_OWN,
    ("mapping-retarget", "GET"): THEIR_OWN,
    ("mapping-retarget", "POST"): CHANGE_THEIR_OWN,
    ("mapping-reject", "GET"): THEIR_OWN,
    ("mapping-reject", "POST"): CHANGE_THEIR_OWN,
    ("rules", "GET"): ORG_ADMINS,
    ("rules-then", "GET"): ORG_ADMINS,
    ("rules-export", "GET"): ORG_ADMINS,
    ("rules-test", "GET"): ORG_ADMINS,
    ("rules-apply", "GET"): ORG_ADMINS,
    ("rules-apply", "POST"): ORG_ADMINS,
    ("rules-order", "POST"): ORG_ADMINS,
    ("preview", "GET"): THEIR_OWN,
    ("held-changes", "GET"): ORG_ADMINS,
    ("held-changes-limits", "GET"): ORG_ADMINS,
    ("held-changes-limits", "POST"): ORG_ADMINS,
    ("held-changes-let-through", "GET"): THEIR_OWN,
    ("held-changes-let-through", "POST"): CHANGE_THEIR_OWN,  # without having seen the effect
    ("proposals", "GET"): ORG_ADMINS,
    ("proposal", "GET"): THEIR_OWN,
    ("proposal", "POST"): (SIGN_IN, ABSENT, REFUSED, ONWARD, ADMIN),
    ("proposal-refuse", "POST"): (SIGN_IN, ABSENT, REFUSED, ONWARD, ADMIN),
    ("proposal-withdraw", "POST"): (SIGN_IN, ABSENT, REFUSED, ONWARD, ADMIN),  # of another's, it is refused
    ("two-persons", "GET"): ORG_ADMINS,
    ("two-persons", "POST"): (SIGN_IN, ONWARD, REFUSED, ONWARD, ADMIN),
    ("take-back-change", "GET"): THEIR_OWN,
    ("take-back-change", "POST"): CHANGE_THEIR_OWN,  # without having seen the effect
    ("take-back-token", "GET"): THEIR_OWN,
    ("take-back-token", "POST"): (SIGN_IN, ABSENT, REFUSED, OPEN, ADMIN),  # without a time
    ("conflicts", "GET"): ORG_ADMINS,
    ("conflicts-export", "GET"): ORG_ADMINS,
    ("conflicts-decide", "GET"): (WRONG_METHOD,) * 5,
    ("conflicts-decide", "POST"): (SIGN_IN, ONWARD, REFUSED, ONWARD, ADMIN),
    ("conflicts-resolved", "GET"): ORG_ADMINS,
    ("conflicts-resolved-export", "GET"): ORG_ADMINS,
    ("conflict-undo", "GET"): THEIR_OWN,
    ("conflict-undo", "POST"): (SIGN_IN, ABSENT, REFUSED, OPEN, ADMIN),  # without having seen the question
    ("conflicts-undo", "GET"): THEIR_OWN,
    ("conflicts-undo", "POST"): (SIGN_IN, ABSENT, REFUSED, OPEN, ADMIN),
    ("rule-new", "GET"): ORG_ADMINS,
    ("rule-new", "POST"): ORG_ADMINS,
    ("role-rule-new", "GET"): ORG_ADMINS,
    ("role-rule-new", "POST"): ORG_ADMINS,
    ("rule", "GET"): THEIR_OWN,
    ("rule", "POST"): CHANGE_THEIR_OWN,
    ("rule-delete", "GET"): THEIR_OWN,
    ("rule-delete", "POST"): CHANGE_THEIR_OWN,
    ("people", "GET"): ORG_ADMINS,
    ("people-export", "GET"): ORG_ADMINS,
    ("admins", "GET"): ORG_ADMINS,
    ("imports", "GET"): ORG_ADMINS,
    ("imports", "POST"): ORG_ADMINS,  # without a file
    ("import", "GET"): THEIR_OWN,
    ("import-start", "POST"): (SIGN_IN, ABSENT, REFUSED, ONWARD, ADMIN),
    ("import-cancel", "POST"): (SIGN_IN, ABSENT, REFUSED, ONWARD, ADMIN),
    ("import-export", "GET"): THEIR_OWN,
    ("invitations", "GET"): ORG_ADMINS,
    ("invitation-new", "GET"): ORG_ADMINS,
    ("invitation-new", "POST"): ORG_ADMINS,  # without an address
    ("invitation-resend", "GET"): (WRONG_METHOD,) * 5,
    ("invitation-resend", "POST"): (SIGN_IN, ONWARD, REFUSED, ONWARD, ADMIN),  # says that it is not theirs, or was sent
    ("invitation-revoke", "GET"): THEIR_OWN,
    ("invitation-revoke", "POST"): (SIGN_IN, ONWARD, REFUSED, ONWARD, ADMIN),
    ("invitation", "GET"): EVERYBODY,  # who has the secret of a mail
    ("invitation", "POST"): EVERYBODY,  # without a name
    ("setup-links", "GET"): ORG_ADMINS,
    ("setup-link-new", "GET"): ORG_ADMINS,
    ("setup-link-new", "POST"): ORG_ADMINS,  # without a recipient
    ("setup-link-revoke", "GET"): THEIR_OWN,
    ("setup-link-revoke", "POST"): (SIGN_IN, ONWARD, REFUSED, ONWARD, ADMIN),
    ("setup", "GET"): EVERYBODY,  # who has the secret of a link that nobody has opened
    ("setup", "POST"): (ONWARD,) * 5,
    # What a link leads to is there for the browser that opened it.
    ("setup-finish", "GET"): (WRONG_METHOD,) * 5,
    ("setup-finish", "POST"): (ABSENT,) * 5,
    ("setup-domains", "GET"): (ABSENT,) * 5,
    ("setup-domains", "POST"): (ABSENT,) * 5,
    ("setup-domain-look", "GET"): (WRONG_METHOD,) * 5,
    ("setup-domain-look", "POST"): (ABSENT,) * 5,
    ("setup-sso", "GET"): (ABSENT,) * 5,
    ("setup-sso", "POST"): (ABSENT,) * 5,
    ("setup-sso-provider", "GET"): (ABSENT,) * 5,
    ("setup-sso-provider", "POST"): (ABSENT,) * 5,
    ("setup-sso-test", "GET"): (ABSENT,) * 5,
    ("setup-certificate", "GET"): (ABSENT,) * 5,
    ("setup-certificate", "POST"): (ABSENT,) * 5,
    ("setup-scim", "GET"): (ABSENT,) * 5,
    ("setup-scim", "POST"): (ABSENT,) * 5,
    ("person", "GET"): THEIR_OWN,
    ("person-then", "GET"): THEIR_OWN,
    ("person-roles", "GET"): THEIR_OWN,
    ("person-roles", "POST"): (SIGN_IN, ONWARD, REFUSED, ONWARD, ADMIN),
    ("person-erase", "GET"): (SIGN_IN, REFUSED, REFUSED, REFUSED, ADMIN),  # the owner's alone
    ("person-erase", "POST"): (SIGN_IN, REFUSED, REFUSED, REFUSED, ADMIN),
    ("person-deactivate", "GET"): THEIR_OWN,
    ("person-deactivate", "POST"): CHANGE_THEIR_OWN,  # without having seen the effect
    ("person-activate", "GET"): THEIR_OWN,
    ("person-activate", "POST"): CHANGE_THEIR_OWN,
    ("person-place", "GET"): THEIR_OWN,
    ("person-place", "POST"): (SIGN_IN, ONWARD, REFUSED, ONWARD, ADMIN),  # without an entity
    ("person-take-out", "GET"): THEIR_OWN,
    ("person-take-out", "POST"): (SIGN_IN, ONWARD, REFUSED, ONWARD, ADMIN),
    ("person-put-back", "GET"): (WRONG_METHOD,) * 5,
    ("person-put-back", "POST"): (SIGN_IN, ONWARD, REFUSED, ONWARD, ADMIN),
    ("entity", "GET"): THEIR_OWN,
    ("entity-then", "GET"): THEIR_OWN,
    ("entity-members-export", "GET"): THEIR_OWN,
    ("entity-rename", "GET"): THEIR_OWN,
    ("entity-rename", "POST"): CHANGE_THEIR_OWN,  # without a name
    ("entity-limit", "GET"): THEIR_OWN,
    ("entity-limit", "POST"): (SIGN_IN, ONWARD, REFUSED, OPEN, ADMIN),
    ("entity-delete", "GET"): THEIR_OWN,
    ("entity-delete", "POST"): (SIGN_IN, ONWARD, REFUSED, OPEN, ADMIN),
    ("entity-place", "GET"): THEIR_OWN,
    ("entity-place", "POST"): (SIGN_IN, ONWARD, REFUSED, ONWARD, ADMIN),  # without a person
}
for _entities in ("teams", "concurrency-groups", "sub-organizations"):
    MATRIX |= {
        (_entities, "GET"): ORG_ADMINS,
        (f"{_entities}-export", "GET"): ORG_ADMINS,
        (f"{_entities}-new", "GET"): ORG_ADMINS,
        (f"{_entities}-new", "POST"): ORG_ADMINS,  # without a name
    }

# The admin is support's alone, address by address. What support may do there is tested beside it.
ADMIN_PREFIX = "admin/"


def patterns(resolver: URLResolver | None = None, prefix: str = "") -> Iterator[tuple[str, URLPattern]]:
    """Every pattern of the URLconf with an example of its address, without the slash at the front."""
    for entry in (resolver or get_resolver()).url_patterns:
        address = prefix + example(entry)
        if isinstance(entry, URLResolver):
            yield from patterns(entry, address)
        else:
            yield address, entry


def example(entry: URLPattern | URLResolver) -> str:
    if isinstance(entry.pattern, RegexPattern):
        return re.sub(
            r"\(\?P<\w+>([^|)]*)[^)]*\)", lambda group: group[1].replace(".*", "nowhere"), str(entry.pattern)
        ).strip("^$")
    return re.sub(r"<(?:(\w+):)?\w+>", lambda part: str(UUID(int=1)) if part[1] == "uuid" else "1", str(entry.pattern))


OURS = [(address, entry) for address, entry in patterns() if not address.startswith(ADMIN_PREFIX)]
ADMINS = [address for address, _ in patterns() if address.startswith(ADMIN_PREFIX)]


def test_every_address_is_in_the_table() -> None:
    assert {entry.name or address for address, entry in OURS} == {name for name, _ in MATRIX}


@pytest.fixture
def org(db: None) -> Organization:
    return OrganizationFactory.create()


def browser_of(who: str, org: Organization) -> Client:
    people: dict[str, Any] = {
        "stranger": lambda: UserFactory.create(roles=["Admin"]),
        "member": lambda: UserFactory.create(org=org),
        "admin": lambda: UserFactory.create(org=org, roles=["Admin"]),
        "support": StaffFactory.create,
    }
    return signed_in(people[who]()) if who in people else Client()


@contextmanager
def undone() -> Iterator[None]:
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def addresses(org: Organization) -> Iterator[tuple[str, list[str], str]]:
    """Each name of the table with its methods and an address; what the address leads to is there until the next."""
    methods: defaultdict[str, list[str]] = defaultdict(list)
    for name, method in MATRIX:
        methods[name].append(method)
    for name, its in methods.items():
        limits.Buckets.clear_all()
        limits.shared.prefix = f"test:{uuid4()}:"
        with undone():
            yield name, its, address_of(name, org)


def visit(browser: Client, method: str, address: str) -> HttpResponse:
    """An answer of which nothing stays, in the browser neither."""
    cookies = deepcopy(browser.cookies)
    with undone():
        answer = browser.generic(method, address)
        if answer.streaming:
            list(answer)  # a download keeps one of its org's places until it is read
    browser.cookies = cookies
    return answer


def test_people_get_what_the_table_says(org: Organization) -> None:
    browsers = {who: browser_of(who, org) for who in PEOPLE}
    wrong = {}
    for name, methods, address in addresses(org):
        for method in methods:
            for who, expected in zip(PEOPLE, MATRIX[name, method], strict=True):
                if (got := outcome(visit(browsers[who], method, address))) != expected:
                    wrong[name, method, who] = got
    assert wrong == {}


# What gives access to others asks for a recent sign-in (L6), whatever is chosen there. What does so for some choices is
# tested beside each: giving the admin role by hand, by a group, by rules and by invitations.
GIVES_ACCESS = {
    ("owner-hand-over", "GET"),
    ("owner-hand-over", "POST"),
    ("domain-new", "GET"),
    ("domain-new", "POST"),
    ("domain-check", "POST"),
    ("domain-remove", "GET"),
    ("domain-remove", "POST"),
    ("scim-token-confirm", "GET"),
    ("scim-token-confirm", "POST"),
    ("setup-link-new", "GET"),
    ("setup-link-new", "POST"),
    ("scim-token-new", "GET"),
    ("scim-token-new", "POST"),
    *((name, method) for name in ("api-key-new", "webhook-new") for method in ("GET", "POST")),
    *((name, method) for name in ("webhook-edit", "webhook-rotate") for method in ("GET", "POST")),
    ("import-start", "POST"),
    ("sso-provider", "GET"),
    ("sso-provider", "POST"),
    ("sso-configure", "GET"),
    ("sso-configure", "POST"),
    ("sso-activate", "GET"),
    ("sso-activate", "POST"),
    ("sso-switch-off", "GET"),
    ("sso-switch-off", "POST"),
    ("sso-discard", "GET"),
    ("sso-discard", "POST"),
    ("sso-accounts", "GET"),
    ("sso-accounts", "POST"),
    ("sso-renewal-link", "GET"),
    ("sso-renewal-link", "POST"),
    ("sso-unlink-all", "GET"),
    ("sso-unlink-all", "POST"),
    ("sso-unlink", "GET"),
    ("sso-unlink", "POST"),
    ("held-changes-limits", "GET"),
    ("held-changes-limits", "POST"),
    ("proposal", "POST"),
    ("two-persons", "GET"),
    ("two-persons", "POST"),
    ("second-factor-app", "GET"),
    ("second-factor-app", "POST"),
    ("second-factor-passkey", "GET"),
    ("second-factor-passkey", "POST"),
    ("second-factor-codes", "GET"),
    ("second-factor-codes", "POST"),
    ("second-factor-remove", "GET"),
    ("second-factor-remove", "POST"),
}


def test_what_gives_access_to_others_asks_for_a_recent_sign_in(org: Organization) -> None:
    """L6, of the owner, who may do everything."""
    browser, asked, lost = signed_in(OwnerFactory.create(org=org)), set(), []
    session = browser.session
    session[SIGNED_IN_AT] = (timezone.now() - RECENT).timestamp() - 1
    session.save()
    for name, methods, address in addresses(org):
        for method in methods:
            answer = visit(browser, method, address)
            if not answer.streaming and b"<title>Sign in again" in answer.content:
                asked.add((name, method))
                back = re.search(rb'name="next" value="([^"]+)"', answer.content)
                assert back
                # Which is where signing in again leads.
                if browser.get(back[1].decode(), follow=True).status_code != 200:
                    lost.append((name, method))
    assert asked == GIVES_ACCESS
    assert lost == []


def half_signed(user: User) -> Client:
    """A browser in which the right password was entered, and nothing else."""
    user.set_password("correct horse battery staple")
    user.save(update_fields=["password"])
    browser = Client()
    asked = browser.post(reverse("sign-in"), {"username": user.user_name, "password": "correct horse battery staple"})
    assert asked["Location"] == reverse("second-factor")
    return browser


# What the password alone opens beyond what is open to anonymous people: who has a factor, and who of support has yet to
# add the first one.
FACTOR_PAGES = [key for key in MATRIX if key[0].startswith("second-factor")]
WITH_THE_PASSWORD = {
    "owner": dict.fromkeys(FACTOR_PAGES, ONWARD) | {("second-factor", "GET"): OPEN, ("second-factor", "POST"): OPEN},
    "support": dict.fromkeys(FACTOR_PAGES, ONWARD) | {key: OPEN for key in FACTOR_PAGES if MATRIX[key] is SIGNED_IN},
}


@pytest.mark.parametrize("whose", WITH_THE_PASSWORD)
def test_the_password_alone_opens_nothing_but_what_asks_for_the_second_factor(whose: str, org: Organization) -> None:
    """L6: everything else is what it is to somebody anonymous."""
    if whose == "owner":
        App(user := OwnerFactory.create(org=org))
    else:
        user = StaffFactory.create()
    browser, wrong = half_signed(user), {}
    for name, methods, address in addresses(org):
        for key in [(name, method) for method in methods]:
            got = outcome(visit(browser, key[1], address))
            if got != WITH_THE_PASSWORD[whose].get(key, MATRIX[key][0]):
                wrong[key] = got
    assert wrong == {}
    for admins in ADMINS:
        answer = browser.get(f"/{admins}", follow=True)
        assert answer.redirect_chain[-1][0].startswith(reverse("sign-in")), admins


# What links open to the browser that began with them, and which link that is (SPEC L8). An empty form is shown again.
THROUGH_LINKS = {
    ("setup-sso", "GET"): (Purpose.SSO, ONWARD),  # no identity provider is chosen yet
    ("setup-sso", "POST"): (Purpose.SSO, ONWARD),
    ("setup-sso-provider", "GET"): (Purpose.SSO, OPEN),
    ("setup-sso-provider", "POST"): (Purpose.SSO, OPEN),
    ("setup-sso-test", "GET"): (Purpose.SSO, ONWARD),  # there is no draft
    ("setup-certificate", "GET"): (Purpose.RENEWAL, ABSENT),  # nothing is active that has certificates
    ("setup-certificate", "POST"): (Purpose.RENEWAL, ABSENT),
    ("setup-scim", "GET"): (Purpose.SCIM, OPEN),
    ("setup-scim", "POST"): (Purpose.SCIM, OPEN),
    ("setup-domains", "GET"): (Purpose.DOMAIN, OPEN),
    ("setup-domains", "POST"): (Purpose.DOMAIN, OPEN),
    ("setup-domain-look", "POST"): (Purpose.DOMAIN, ONWARD),  # of a domain that nobody has added
    ("setup-finish", "POST"): (Purpose.DOMAIN, OPEN),
}


def test_setup_links_open_their_own_pages_and_nothing_else(org: Organization) -> None:  # L8
    """A browser with a link of every purpose is a stranger everywhere else."""
    browser = Client()
    links = {purpose: _link(org, purpose) for purpose in Purpose}
    for made in links.values():
        browser.post(reverse("setup", args=[made.secret]))
    assert len([name for name in browser.cookies if name.startswith("setup-")]) == len(Purpose)
    wrong = {}
    for (name, method), (purpose, expected) in THROUGH_LINKS.items():
        address = reverse(name, args=[links[purpose].link.id, *(["corp.example"] if "look" in name else [])])
        if (got := outcome(visit(browser, method, address))) != expected:
            wrong[name, method] = got
    for name, methods, address in addresses(org):
        for key in [(name, method) for method in methods]:
            if key not in THROUGH_LINKS and (got := outcome(visit(browser, key[1], address))) != MATRIX[key][0]:
                wrong[key] = got
    assert wrong == {}


UNSAFE = ("POST", "PUT", "PATCH", "DELETE")
# While support views an org's own pages, these are as its admins open them, but for:
ONLY_READ = {
    ("sso-test", "GET"): REFUSED,  # a test has to be the admin's own
    ("sign-in", "GET"): ADMIN,
    ("second-factor", "GET"): ADMIN,
}


def viewing(org: Organization) -> Client:
    """A browser of support that views an org's own pages."""
    browser = signed_in(StaffFactory.create())
    assert browser.post(reverse("admin:view_as", args=[org.id]))["Location"] == reverse("overview")
    return browser


def test_support_that_views_an_org_opens_what_its_admins_open(org: Organization) -> None:  # N4
    browser, wrong = viewing(org), {}
    for name, methods, address in addresses(org):
        if "GET" not in methods:
            continue
        *_, of_admins, support = MATRIX[name, "GET"]
        before = Change.objects.count()
        with undone():
            answer = browser.get(address)
            said = b"".join(answer) if answer.streaming else answer.content
            assert Change.objects.count() == before, name
        got = outcome(answer)
        if got != ONLY_READ.get((name, "GET"), of_admins if support == ADMIN else support):
            wrong[name] = got
        is_of_the_org = support == ADMIN and got == OPEN and answer.headers["Content-Type"].startswith("text/html")
        if is_of_the_org and b"<html" in said and b'class="viewing"' not in said and b'class="plain"' not in said:
            wrong[name] = "without the banner"
    assert wrong == {}


def test_support_that_views_an_org_changes_nothing_anywhere(org: Organization) -> None:  # N4
    """Every address of the URLconf, the admin's too; the unsafe methods in turn, since no view is asked."""
    browser, passed = viewing(org), set()
    before = Change.objects.count()
    every = [f"/{address}" for address, _ in OURS] + [f"/{address}" for address in ADMINS]
    for address, method in zip(every, cycle(UNSAFE), strict=False):
        if address in {*ENDS, "/display/"}:  # which only this browser remembers
            continue
        if {browser.generic(each, address).status_code for each in {method, "POST"}} != {403}:
            passed.add((method, address))
    assert passed == set()
    assert Change.objects.count() == before


ENDS = {"/support-view/end/", "/sign-out/"}


@pytest.mark.parametrize("address", sorted(ENDS))
def test_what_ends_a_view_stays_possible(address: str, org: Organization) -> None:  # N4
    browser = viewing(org)
    browser.post(address)
    verbs = list(Change.objects.for_org(org).order_by("id").values_list("verb", flat=True))
    assert verbs == ["support_view.began", "support_view.ended"]
    assert browser.get(reverse("overview")).status_code == 302


@pytest.mark.parametrize("who", PEOPLE)
def test_the_admin_is_closed_to_everybody_but_support(who: str, org: Organization) -> None:
    browser = browser_of(who, org)
    assert len(ADMINS) > 20
    for address in ADMINS:
        answer, to = browser.get(f"/{address}"), f"/{address}"
        within = f"/{ADMIN_PREFIX}" if who != "support" else "/"
        while answer.status_code == 302 and (to := answer["Location"]).startswith(within):
            answer = browser.get(to)
        if who == "support":
            assert not to.startswith(reverse("sign-in")), address
        elif who == "anonymous":
            assert to.startswith(reverse("sign-in")), address
        else:
            assert answer.status_code in (302, 403), address


# What members of the staff may do in the admin, beyond looking (N4): by model, verbs and actions. Support does not
# delete organizations, erase people, or look after the staff and what is the operator's own; superusers do everything.
SUPPORT_MAY: dict[str, set[str]] = {
    "organization": {"add", "change", "hand_over", "setup_links"},
    "user": {"deactivate", "activate", "end_sessions"},
    "scimtoken": {"confirm", "revoke"},
    "apikey": {"revoke"},
    "schemaprofile": {"add", "change"},
    "turn": {"settle_now"},
    "pushedgroup": {"end", "undo_end"},
    "groupmapping": {"approve", "reject"},
    "import": {"add", "start", "cancel"},
    "connection": {"switch_off"},
    "endpoint": {"send_test", "enable", "disable"},
}
SUPERUSERS_MAY: dict[str, set[str]] = SUPPORT_MAY | {
    "organization": SUPPORT_MAY["organization"] | {"delete"},
    "schemaprofile": SUPPORT_MAY["schemaprofile"] | {"delete"},
    "user": SUPPORT_MAY["user"] | {"make_read_only", "make_support", "make_superuser", "erase"},
    "endpoint": SUPPORT_MAY["endpoint"] | {"add", "edit", "rotate", "replay", "delete_webhook"},
}
MAY = {StaffRole.READ_ONLY: {}, StaffRole.SUPPORT: SUPPORT_MAY, StaffRole.SUPERUSER: SUPERUSERS_MAY}


def staff(role: StaffRole) -> Client:
    return signed_in(StaffFactory.create(role=role))


def rows_of_the_admin() -> dict[Any, Any]:
    """Of each model of the admin a row; of people one who can be erased, of webhooks the operator's."""
    org = full_org()[0]
    UserFactory.create(org=org, active=False)
    endpoints.create(org=None, url="https://127.0.0.1", kinds=["person"], max_items=1, cause=by_command())
    found = {model: model._default_manager.order_by("-pk").first() for model in admin.site._registry}
    found[User] = User.objects.filter(active=False, erased_at=None).first()
    found[Endpoint] = Endpoint.objects.get(org=None)
    return found


@pytest.mark.parametrize("role", StaffRole)
def test_staff_may_do_in_the_admin_what_their_role_says(role: StaffRole, db: None) -> None:  # N4
    rows, who, may = rows_of_the_admin(), StaffFactory.create(role=role), {}
    browser, request = signed_in(who), RequestFactory().get("/admin/")
    request.user = who
    for model, site in admin.site._registry.items():
        about, row = f"admin:{model._meta.app_label}_{model._meta.model_name}", rows[model]
        found = set(site.get_actions(request))
        if browser.get(reverse(f"{about}_add")).status_code != 403:
            found.add("add")
        if row is not None:
            if site.has_change_permission(request, row):
                found.add("change")
            pages = [*site.actions_detail, "delete"]
            found |= {
                name for name in pages if browser.get(reverse(f"{about}_{name}", args=[row.pk])).status_code != 403
            }
        if found:
            may[model._meta.model_name] = found
    assert may == MAY[role]


def test_read_only_staff_sees_everything_and_changes_nothing_by_any_address_or_action(db: None) -> None:  # N4
    rows, browser = rows_of_the_admin(), staff(StaffRole.READ_ONLY)
    for model, row in rows.items():
        about = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        assert browser.get(reverse(f"{about}_changelist")).status_code == 200
        assert row is None or browser.get(reverse(f"{about}_change", args=[row.pk])).status_code == 200
    before = Change.objects.count(), Endpoint.objects.count(), Organization.objects.count(), Import.objects.count()
    for model, site in admin.site._registry.items():
        about, row = f"admin:{model._meta.app_label}_{model._meta.model_name}", rows[model]
        browser.post(reverse(f"{about}_add"), {"name": "x"})
        if row is None:
            continue
        for action in site.actions or ():
            browser.post(reverse(f"{about}_changelist"), {"action": action, "_selected_action": str(row.pk)})
        for name in (*site.actions_detail, "change", "delete"):
            sent = {"slug": getattr(row, "slug", ""), "address": "x@y.example", "sure": "1", "post": "yes"}
            answer = browser.post(reverse(f"{about}_{name}", args=[row.pk]), sent)
            assert answer.status_code == 403, (model, name)
    after = Change.objects.count(), Endpoint.objects.count(), Organization.objects.count(), Import.objects.count()
    assert (before, LogEntry.objects.exists()) == (after, False)


def test_every_role_searches_and_views(org: Organization) -> None:  # N4
    for role in StaffRole:
        browser = staff(role)
        assert browser.get(reverse("admin:find")).status_code == 200
        assert browser.post(reverse("admin:view_as", args=[org.id])).status_code == 302
        assert browser.get(reverse("rules")).status_code == 200


def address_of(name: str, org: Organization) -> str:
    if name in ("scim-token-revoke", "scim-token-limit", "scim-token-take-over", "take-back-token"):
        return reverse(name, args=[issue_token(org).token.id])
    if name in ("domain", "domain-check", "domain-remove"):
        cause = Cause(Door.COMMAND, timezone.now())
        domains.ask(org=org, name="corp.example", cause=cause)
        if name == "domain-check":  # verified already: nobody asks the DNS
            domains.keep(org=org, names=["corp.example"], cause=cause)
        return reverse(name, args=["corp.example"])
    if name == "change":
        founded = OrgFounded(name=org.name, profile=org.profile.key, owner=None)
        return reverse(name, args=[record(org, Cause(Door.COMMAND, timezone.now()), founded).id])
    if name == "scim-log-entry":
        Idp(issue_token(org).secret).get("/Users")
        request_log.flush(10)
        return reverse(name, args=[RequestLog.objects.for_org(org).values_list("id", flat=True)[0]])
    if name.startswith(("person", "entity")):
        user = UserFactory.create(org=org, active=name != "person-activate")
        pool = EntityFactory.create(org=org, kind=EntityKind.CONCURRENCY_GROUP)
        cause = Cause(Door.COMMAND, timezone.now())
        manual_changes.place(org=org, user_id=user.id, entity_id=pool.id, cause=cause)
        ids = {"person-take-out": [user.id, pool.id], "person-put-back": [user.id, pool.id]}
        return reverse(name, args=ids.get(name, [user.id if name.startswith("person") else pool.id]))
    if name == "account-session-end":
        return reverse(name, args=[signed_in(UserFactory.create(org=org)).session.row_key])
    if name == "sso-unlink":
        return reverse(name, args=[UserFactory.create(org=org).id])
    if name.startswith("sso") and name not in ONE:
        a_draft(org, active=name == "sso-switch-off")
        return reverse(name)
    if name == "sign-in-org":
        return reverse(name, args=[org.slug])
    if name == "set-password":
        user = User.objects.filter(org=org).first() or UserFactory.create(org=org)
        return sign_in.password_link(user).removeprefix(settings.MUSTER_URL)
    if name == "matter-dismiss":
        matters.note([Occurrence(org.id, MatterKind.GROUP_REFUSED, "Engineers", timezone.now())])
        return reverse(name, args=[Matter.objects.for_org(org).get().id])
    if name == "second-factor-remove":
        return reverse(name, args=[App(UserFactory.create(org=org)).row.id])
    if name == "problem":
        return reverse(name, args=["invalid-value"])
    if name == "setup-domain-look":
        return reverse(name, args=[a_link(org), "corp.example"])
    if name in ONE:
        return reverse(name, args=[ONE[name](org)])
    return reverse(name)


def a_draft(org: Organization, *, active: bool) -> None:
    cause = Cause(Door.COMMAND, timezone.now())
    draft = connections.draft(org=org, facts=Facts("https://127.0.0.1", "muster", "secret"), cause=cause)
    Revision.objects.filter(id=draft.id).update(tested_at=cause.at)
    if active:
        connections.activate(org=org, revision_id=draft.id, cause=cause)


def an_invitation(org: Organization) -> UUID:
    cause = Cause(Door.COMMAND, timezone.now())
    address = f"{uuid7().hex}@partner.example"
    return invitations.invite(org=org, addresses=[address], roles=["Member"], days=7, cause=cause)[0].id


def an_import(org: Organization) -> UUID:
    cause = Cause(Door.COMMAND, timezone.now())
    Import.objects.for_org(org).update(phase=Phase.DONE)
    rows = [imports.NewRow(Kind.MEMBERSHIP, 2, "ada", group="Platform")]
    run = imports.begin(org=org, name="x.csv", rows=rows, check=True, makes_admins=False, cause=cause)
    return imports.run_to_end(run).id


def a_secret(org: Organization) -> str:
    return secret_of(Invitation.objects.get(id=an_invitation(org)))


def a_mail(org: Organization) -> str:
    owner = User.objects.for_org(org).filter(is_owner=True).first() or OwnerFactory.create(org=org)
    return mail_choices.address_to_stop(owner, MailTime.DAILY).rstrip("/").rpartition("/")[2]


def a_link(org: Organization) -> UUID:
    return _link(org).link.id


def a_secret_link(org: Organization) -> str:
    return _link(org).secret


def _link(org: Organization, purpose: Purpose = Purpose.SCIM) -> setup_links.Made:
    cause = Cause(Door.COMMAND, timezone.now())
    SetupLink.objects.for_org(org).filter(purpose=purpose).update(ended_at=timezone.now())
    return setup_links.make(org=org, purpose=purpose, recipient="Carol Diaz", cause=cause)


def a_key(org: Organization) -> UUID:
    return key_of(org, Scope.READ).key.id


def a_webhook(org: Organization) -> UUID:
    facts = {"url": "https://127.0.0.1", "kinds": ["person"], "max_items": 1, "cause": by_command()}
    return endpoints.create(org=org, **facts).endpoint.id


WEBHOOK_PAGES = (
    *("webhook", "webhook-edit", "webhook-rotate", "webhook-test"),
    *("webhook-replay", "webhook-enable", "webhook-disable", "webhook-delete"),
)


def a_waiting_token(org: Organization) -> UUID:
    link = _link(org).link
    return setup_links.issue_token(link=link, name="Okta", cause=Cause(Door.LINK, timezone.now())).token.id


def a_group(org: Organization, name: str = "Engineers") -> UUID:
    return PushedGroup.objects.create(
        org=org, display_name=name, created_at=timezone.now(), modified_at=timezone.now()
    ).id


def a_group_out_of_sync(org: Organization) -> UUID:
    PushedGroup.objects.for_org(org).filter(id=(id_ := a_group(org))).update(out_of_sync=True)
    return id_


def an_ended_group(org: Organization) -> UUID:
    group_ends.end_group(org=org, group_id=(id_ := a_group(org)), cause=Cause(Door.COMMAND, timezone.now()))
    return id_


def a_mapping(org: Organization) -> UUID:
    group = PushedGroup.objects.get(id=a_group(org))
    now = timezone.now()
    return MappingFactory.create(
        group=group, entity=None, status=Status.PENDING, reason=Pending.ASKED, approved_at=None, created_at=now
    ).id


def a_preview(org: Organization) -> UUID:
    return Preview.objects.create(org=org, wish={"do": "apply"}, fingerprint="x", asked_at=timezone.now(), people=0).id


def a_rule(org: Organization) -> UUID:
    facts = RuleFacts(PatternType.ALL, EntityKind.TEAM, auto_approve=True)
    return rules.add_rule(org=org, facts=facts, cause=Cause(Door.COMMAND, timezone.now())).id


def a_decision(org: Organization) -> int:
    return _decided(org).id


def a_decided_conflict(org: Organization) -> UUID:
    return _decided(org).change_id


def a_breach(org: Organization) -> UUID:
    """What one token did to one person is held."""
    return HoldFactory.create(org=org).breach_id


def a_proposal(org: Organization) -> UUID:
    """Somebody has asked for a rule to be applied."""
    asker = UserFactory.create(org=org, roles=["Admin"])
    cause = Cause(Door.PAGE, timezone.now(), person=asker)
    return proposals.propose(org=org, wish={"do": "apply"}, fingerprint="x", cause=cause).id


def what_a_token_did(org: Organization) -> UUID:
    Idp(issue_token(org).secret).post("/Users", {"userName": "pushed@corp.example"})
    return Change.objects.for_org(org).get(verb="user.created").id


def _decided(org: Organization) -> Decision:
    now = timezone.now()
    sides = [
        MappingFactory.create(group=PushedGroup.objects.get(id=a_group(org, name)), approved_at=now)
        for name in ("Engineers", "Designers")
    ]
    user = UserFactory.create(org=org)
    decided = ConflictDecided(user=str(user.id), use="incoming", conflicts=1)
    change = record(org, Cause(Door.COMMAND, now), decided)
    return Decision.objects.create(org=org, user=user, winner=sides[0], loser=sides[1], at=now, change=change)


def a_connection(org: Organization) -> UUID:
    """An active one, to a provider whose description was read a moment ago."""
    now = timezone.now()
    cause = Cause(Door.COMMAND, now)
    made = connections.draft(org=org, facts=Facts(ISSUER, CLIENT, SECRET), cause=cause)
    Revision.objects.filter(id=made.id).update(tested_at=now)
    connections.activate(org=org, revision_id=made.id, cause=cause)
    said = {description_url(ISSUER): description(), f"{ISSUER}/keys": {"keys": [rsa().as_dict(private=False)]}}
    for url, body in said.items():
        IssuerDocument.objects.create(url=url, body=json.dumps(body).encode(), read_at=now, asked_at=now)
    return made.connection_id


LINK_PAGES = (
    *("setup-finish", "setup-domains", "setup-scim", "setup-certificate"),
    *("setup-sso", "setup-sso-provider", "setup-sso-test"),
)

# What makes that which an address names, and gives its id.
ONE = (
    dict.fromkeys(
        ("group", "group-members-export", "group-progress", "group-history", "group-map", "group-role", "group-end"),
        a_group,
    )
    | {"group-then": a_group}
    | dict.fromkeys(("mapping-approve", "mapping-retarget", "mapping-reject"), a_mapping)
    | dict.fromkeys(("rule", "rule-delete"), a_rule)
    | dict.fromkeys(("import", "import-start", "import-cancel", "import-export"), an_import)
    | dict.fromkeys(("api-key-take-over", "api-key-revoke"), a_key)
    | dict.fromkeys(WEBHOOK_PAGES, a_webhook)
    | dict.fromkeys(("invitation-resend", "invitation-revoke"), an_invitation)
    | dict.fromkeys(("setup-link-revoke", *LINK_PAGES), a_link)
    | {
        "invitation": a_secret,
        "mails-stop": a_mail,
        "sso-start": a_connection,
        "sso-callback": a_connection,
        "sso-acs": a_connection,
        "sso-metadata": a_connection,
        "sso-initiate": a_connection,
        "sso-logout": a_connection,
        "sso-revoke": a_connection,
        "setup": a_secret_link,
        "scim-token-confirm": a_waiting_token,
        "held-changes-let-through": a_breach,
        **dict.fromkeys(("proposal", "proposal-refuse", "proposal-withdraw"), a_proposal),
        "take-back-change": what_a_token_did,
        "group-undo-end": an_ended_group,
        "group-in-sync": a_group_out_of_sync,
        "preview": a_preview,
        "conflict-undo": a_decision,
        "conflicts-undo": a_decided_conflict,
    }
)


def outcome(answer: HttpResponse) -> str:
    if answer.status_code == 302:
        to = answer.headers["Location"]
        if to.startswith(reverse("sign-in")):
            return SIGN_IN
        return ADMIN if to.startswith(reverse("admin:index")) else ONWARD
    return {200: OPEN, 400: BAD, 403: REFUSED, 404: ABSENT, 405: WRONG_METHOD}[answer.status_code]


# What is below the SCIM base URLs is answered by the front door: the token alone decides the org (SPEC O5).
# For each pattern of scim.api.urls: what GET, POST, PUT, PATCH and DELETE answer to a token of the org, and what GET
# answers to one of another org. Without a valid token everything is 401.
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
SCIM = {
    "ServiceProviderConfig": ((200, 405, 405, 405, 405), 200),
    "ResourceTypes": ((200, 405, 405, 405, 405), 200),
    "ResourceTypes/<str:name>": ((200, 405, 405, 405, 405), 200),
    "Schemas": ((200, 405, 405, 405, 405), 200),
    "Schemas/<str:urn>": ((200, 405, 405, 405, 405), 200),
    "Users": ((200, 400, 405, 405, 405), 200),
    "Users/.search": ((405, 200, 405, 405, 405), 405),
    "Users/<str:resource_id>": ((200, 405, 200, 400, 204), 404),
    "Groups": ((200, 400, 405, 405, 405), 200),
    "Groups/.search": ((405, 200, 405, 405, 405), 405),
    "Groups/<str:resource_id>": ((200, 405, 200, 400, 204), 404),
    "Bulk": ((405, 400, 405, 405, 405), 405),
    r"^(Me|\.search)(/|$)": ((501, 501, 501, 501, 501), 501),
    "": ((404, 404, 404, 404, 404), 404),
}


def scim_address(pattern: str, org: Organization) -> str:
    group = PushedGroup.objects.get_or_create(
        org=org, display_name="G", defaults={"created_at": timezone.now(), "modified_at": timezone.now()}
    )[0]
    user = User.objects.filter(org=org, scim_managed=True).first() or UserFactory.create(org=org)
    resource = group if pattern.startswith("Groups") else user
    filled = pattern.replace("<str:resource_id>", str(resource.id)).replace("<str:name>", "User")
    filled = filled.replace("<str:urn>", "urn:ietf:params:scim:schemas:core:2.0:User")
    return "/Me" if pattern.startswith("^") else f"/{filled}" if filled else "/Nothing"


def test_every_scim_address_is_in_the_table() -> None:
    assert {str(pattern.pattern) for pattern in scim_patterns} == set(SCIM)


@pytest.mark.parametrize("pattern", SCIM)
def test_a_token_of_the_org_gets_what_the_table_says(pattern: str, org: Organization) -> None:
    idp = Idp(issue_token(org).secret)
    address = scim_address(pattern, org)
    assert tuple(idp(method, address, {}).status_code for method in METHODS) == SCIM[pattern][0]


@pytest.mark.parametrize("pattern", SCIM)
def test_a_token_of_another_org_sees_nothing_of_this_one(pattern: str, org: Organization) -> None:  # O7
    address = scim_address(pattern, org)
    answer = Idp(issue_token(OrganizationFactory.create()).secret).get(address)
    assert answer.status_code == SCIM[pattern][1]
    for each in (*User.objects.filter(org=org), *PushedGroup.objects.filter(org=org)):
        if "<str:resource_id>" not in pattern:
            assert str(each.id) not in answer.content.decode()


@pytest.mark.parametrize("pattern", SCIM)
@pytest.mark.parametrize("credential", ["none", "revoked", "expired", "session"])
def test_without_a_valid_token_everything_is_401(pattern: str, credential: str, org: Organization) -> None:  # S1
    address = scim_address(pattern, org)
    issued = issue_token(org)
    if credential == "revoked":
        tokens.revoke(org=org, token_id=issued.token.id, cause=Cause(Door.COMMAND, timezone.now()))
    elif credential == "expired":
        ScimToken.objects.filter(id=issued.token.id).update(expires_at=timezone.now())
    idp = Idp(issued.secret if credential in ("revoked", "expired") else "")
    if credential == "session":
        idp.headers = {}
        idp.http.force_login(OwnerFactory.create(org=org), backend="django.contrib.auth.backends.ModelBackend")
    for method in METHODS:
        answer = idp(method, address, {})
        assert (answer.status_code, answer["Content-Type"]) == (401, "application/scim+json")
