"""Each page in each state that looks different: what is checked for accessibility, and what pictures are taken of."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from django.conf import settings
from django.test import Client
from django.utils import timezone
from playwright.sync_api import Page, expect

from orgs import domains, matters, sign_in, tokens
from orgs.history import Cause
from orgs.matters import Occurrence
from orgs.models import Door, IdentityProvider, MatterKind, Plan, SchemaProfile, ScimToken, User
from scim import request_log
from scim.models import OverviewVisit, RequestDay, RequestLog
from tests.browser import (
    scenes_account,
    scenes_activity,
    scenes_api,
    scenes_conflicts,
    scenes_groups,
    scenes_held,
    scenes_imports,
    scenes_invitations,
    scenes_people,
    scenes_second_factor,
    scenes_setup_links,
    scenes_sign_in,
    scenes_single_sign_on,
    scenes_two_persons,
    scenes_undo,
    scenes_webhooks,
)
from tests.browser.scene import Scene
from tests.factories import UserFactory


def _nobody(owner: User) -> None:
    return None


def _member(owner: User) -> User:
    return UserFactory.create(org=owner.org, user_name="mo@northwind.example")


def _token(
    owner: User, name: str, idp: str, *, age: int, used: int | None = None, lives: int | None = None
) -> ScimToken:
    """age, lives: in days. used: minutes ago."""
    now = timezone.now()
    cause = Cause(Door.PAGE, now - timedelta(days=age), person=owner)
    token = tokens.issue(
        org=owner.org, name=name, idp=idp, lifetime=timedelta(days=lives) if lives else None, cause=cause
    ).token
    if used is not None:
        agents = {"okta": "Okta SCIM Client 1.0.0", "entra": "Microsoft Azure AD Provisioning"}
        tokens.note_use({token.id: (now - timedelta(minutes=used), "203.0.113.24", agents.get(idp, "python"))})
    return token


def _password_link(owner: User) -> str:
    return sign_in.password_link(owner).removeprefix(settings.MUSTER_URL)


def at(path: str) -> Callable[[User], str]:
    return lambda owner: path


def _connected(owner: User) -> str:
    _token(owner, "Okta production", IdentityProvider.OKTA, age=48, used=3, lives=365)
    old = _token(owner, "Okta trial", IdentityProvider.OKTA, age=90, used=69_000)
    tokens.revoke(org=owner.org, token_id=old.id, cause=Cause(Door.PAGE, timezone.now(), person=owner))
    _token(owner, "Contractors, JumpCloud", IdentityProvider.JUMPCLOUD, age=200, lives=90)
    return "/settings/scim/"


def _rotating(owner: User) -> str:
    _token(owner, "Entra, old", IdentityProvider.ENTRA, age=345, used=12, lives=365)
    _token(owner, "Entra, from November", IdentityProvider.ENTRA, age=0, lives=365)
    return "/settings/scim/"


def _needs_attention(owner: User) -> str:
    """A dead token in use, refused creates, an unknown attribute, and a token that expired without a successor."""
    _connected(owner)
    org, now = owner.org, timezone.now()
    assert org
    trial = ScimToken.objects.get(org=org, name="Okta trial")
    jumpcloud = ScimToken.objects.get(org=org, name="Contractors, JumpCloud")
    tokens.note_use({jumpcloud.id: (now - timedelta(days=111), "203.0.113.80", "JumpCloud SCIM")})
    tokens.limit(
        org=org,
        token_id=ScimToken.objects.get(org=org, name="Okta production").id,
        networks=["203.0.113.0/24", "2001:db8:4f00::/40"],
        cause=Cause(Door.PAGE, now, person=owner),
    )

    def occurs(kind: MatterKind, subject: str, minutes: int, **detail: str) -> Occurrence:
        return Occurrence(org.id, kind, subject, now - timedelta(minutes=minutes), uuid4(), detail)

    call = {
        "method": "PATCH",
        "path": "/api/scim/Users/019a4e2c-0000-7000-8000-000000000001",
        "address": "203.0.113.24",
        "agent": "Okta SCIM Client 1.0.0",
    }
    off = {"status": "403", "error": "Group provisioning is off.", "token": str(trial.id)}
    urn = "urn:ietf:params:scim:schemas:extension:LambdaTest:2.0:User"
    error = "emails: must be a list of objects with a value."
    attribute = {"attribute": "OrganisationRole", "meant": "OrganizationRole", "token": str(trial.id)}
    matters.note(
        [
            *(occurs(MatterKind.DEAD_TOKEN, str(trial.id), minutes, **call) for minutes in range(600, 0, -7)),
            occurs(
                MatterKind.GROUP_REFUSED, "Product design and user research, Europe, Middle East and Africa", 90, **off
            ),
            occurs(MatterKind.GROUP_REFUSED, "Berlin office", 50, **off),
            occurs(
                MatterKind.USER_REFUSED,
                "ada.brandt@northwind.example",
                20,
                status="400",
                error=error,
                token=str(trial.id),
            ),
            occurs(MatterKind.UNDESCRIBED, f"{urn}:OrganisationRole", 3, **attribute),
        ]
    )
    return "/settings/scim/"


def _addresses(owner: User) -> str:
    _needs_attention(owner)
    token = ScimToken.objects.get(org=owner.org, name="Okta production")
    return f"/settings/scim/tokens/{token.id}/addresses/"


def _shut_out(page: Page) -> None:
    page.get_by_label("Allowed addresses").fill("192.0.2.0/24")
    page.get_by_role("button", name="Save").click()


def _lapsed(owner: User) -> str:
    _connected(owner)
    _not_ready(owner)
    return "/settings/scim/"


def _not_ready(owner: User) -> str:
    org = owner.org
    assert org
    org.plan, org.sso_configured = Plan.TEAM, False
    org.group_provisioning = org.group_provisioning_activated = org.user_provisioning = False
    org.save()
    return "/settings/scim/"


def _waiting(owner: User) -> str:
    _token(owner, "Okta production", IdentityProvider.OKTA, age=0, lives=365)
    return "/"


def _overview(owner: User) -> str:
    """After a month of requests, three days after the last visit."""
    _connected(owner)
    assert owner.org
    today = timezone.now().date()
    for n in range(30):
        calls = (n * 37 % 23) * 41 + 12
        RequestDay.objects.update_or_create(
            org=owner.org,
            day=today - timedelta(days=n),
            defaults={"calls": calls, "refused": calls // 9 if n % 5 == 2 else 0, "failed": 30 if n == 11 else 0},
        )
    RequestDay.objects.filter(day=today).update(wrote_at=timezone.now() - timedelta(minutes=12))
    seen_at = timezone.now() - timedelta(days=3)
    OverviewVisit.objects.create(org=owner.org, user=owner, seen_at=seen_at)
    return "/"


def _open_palette(page: Page) -> None:
    page.keyboard.press("Control+k")
    expect(page.get_by_role("option", selected=True)).to_be_visible()


def _await_news(page: Page) -> None:
    """As if all requests had come since."""
    address = f"/settings/scim/log/news/?after={UUID(int=0)}"
    page.evaluate(f"htmx.ajax('GET', '{address}', {{target: '.news', swap: 'outerHTML'}})")
    expect(page.get_by_role("link", name="new – show")).to_be_visible()


def _call(owner: User, token: ScimToken, minutes: int, method: str, path: str, operation: str, **differs: Any) -> UUID:
    """A request in the log, so many minutes ago."""
    at = timezone.now() - timedelta(minutes=minutes)
    id = UUID(int=int(at.timestamp() * 1000) << 80 | 7 << 76 | uuid4().int >> 60)
    facts: dict[str, Any] = {
        "status": 200,
        "duration": 14_000,
        "address": "203.0.113.24",
        "agent": "Okta SCIM Client 1.0.0",
        **differs,
    }
    request_log.write(
        request_log.Entry(
            id=id,
            at=at,
            method=method,
            path=f"/api/scim{path}",
            operation=operation,
            org_id=owner.org_id,
            token_id=token.id,
            **facts,
        )
    )
    return id


def _log(owner: User) -> str:
    okta = _token(owner, "Okta production", IdentityProvider.OKTA, age=48, used=3, lives=365)
    zoe = UserFactory.create(org=owner.org, user_name="zoe.lindqvist@northwind.example")
    path, gone = f"/Users/{UUID(int=1)}", f"There is no user {UUID(int=1)}."
    _call(owner, okta, 61, "GET", "/ServiceProviderConfig", "discovery", duration=600)
    _call(owner, okta, 60, "GET", "/Users?filter=userName+eq+%22zoe.lindqvist%40northwind.example%22", "user.list")
    _call(owner, okta, 60, "POST", "/Users", "user.create", status=201, target=str(zoe.id), duration=23_000)
    _call(owner, okta, 45, "PATCH", f"/Users/{zoe.id}", "user.change", target=str(zoe.id))
    _call(owner, okta, 44, "PUT", path, "user.replace", status=404, detail=gone)
    _call(
        owner,
        okta,
        40,
        "POST",
        "/Groups",
        "group.create",
        status=201,
        target="Warehouse, Rotterdam",
        duration=1_310_000,
    )
    _call(owner, okta, 2, "GET", "/Users?startIndex=1&count=100", "user.list", status=503, detail="Try again shortly.")
    _refused(owner)
    assert request_log.flush(10)
    return "/settings/scim/log/"


def _refused(owner: User) -> str:
    okta = _token(owner, "Okta, trial", IdentityProvider.OKTA, age=4, used=3, lives=365)
    sent = {
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
        "userName": "zoe.lindqvist@northwind.example",
        "name": {"givenName": "Zoë", "familyName": "Lindqvist"},
        "password": "not to be kept",
    }
    detail = "There is a user with the userName zoe.lindqvist@northwind.example already."
    answer = {"schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"], "status": "409", "detail": detail}
    id = _call(
        owner,
        okta,
        3,
        "POST",
        "/Users",
        "user.create",
        status=409,
        scim_type="uniqueness",
        detail=detail,
        target="zoe.lindqvist@northwind.example",
        request=json.dumps(sent).encode(),
        response=json.dumps(answer).encode(),
    )
    assert request_log.flush(10)
    return f"/settings/scim/log/{id}/"


def _among_others(owner: User) -> str:
    listed = _log(owner)
    return f"{listed}{RequestLog.objects.get(org=owner.org, status=409).id}/"


def _half_way(owner: User) -> str:
    token = _token(owner, "Entra production", IdentityProvider.ENTRA, age=0, used=1, lives=365)
    _call(owner, token, 1, "GET", "/Users?filter=userName+eq+%22nobody%22", "user.list")
    assert request_log.flush(10)
    return "/settings/scim/"


def _guide(idp: str) -> Callable[[User], str]:
    def set_up(owner: User) -> str:
        owner.org.profile = SchemaProfile.objects.get(key="lambdatest")  # type: ignore[union-attr]
        owner.org.save()  # type: ignore[union-attr]
        _half_way(owner)
        return f"/settings/scim/?idp={idp}"

    return set_up


def _replaced(owner: User) -> str:
    old = _token(owner, "Entra, old", IdentityProvider.ENTRA, age=345, used=4000, lives=365)
    for minutes in (4000, 4040, 4080):
        _call(owner, old, minutes, "GET", "/Users?filter=userName+eq+%22nobody%22", "user.list")
    _token(owner, "Entra, from November", IdentityProvider.ENTRA, age=3, used=4, lives=365)
    assert request_log.flush(10)
    return "/settings/scim/"


def _open_drawer(page: Page) -> None:
    page.get_by_role("link", name="Create user").first.click()
    page.get_by_role("dialog").get_by_role("heading", name="Create user").wait_for()


def _domains(owner: User) -> str:
    assert owner.org
    cause = Cause(Door.PAGE, timezone.now(), person=owner)
    domains.keep(org=owner.org, names=["northwind.example", "nwl.example"], cause=cause)
    domains.ask(org=owner.org, name="northwind-logistics.example", cause=cause)
    for address in ("zoe@northwind.example", "kim@elsewhere.example"):
        UserFactory.create(org=owner.org, user_name=address)
    return "/settings/authentication/"


def _revoke(owner: User) -> str:
    token = _token(owner, "Okta production", IdentityProvider.OKTA, age=48, used=3)
    return f"/settings/scim/tokens/{token.id}/revoke/"


def _too_many_attempts(owner: User) -> str:
    for _ in range(6):
        Client().post("/sign-in/", {"username": owner.login_email, "password": "wrong"})
    return "/sign-in/"


def _try_to_sign_in(page: Page) -> None:
    _enter_address(page)
    page.get_by_label("Password").fill("wrong once more")
    with page.expect_navigation():
        page.get_by_role("button", name="Sign in").click()


def _enter_address(page: Page) -> None:
    page.get_by_label("E-mail address").fill("ada@northwind.example")
    with page.expect_navigation():
        page.get_by_role("button", name="Continue").click()


def _create_token(page: Page) -> None:
    page.get_by_label("Name", exact=True).fill("Entra production")
    page.get_by_label("Identity provider").select_option("entra")
    page.get_by_role("button", name="Create token").click()
    page.get_by_role("heading", name="Copy your token now").wait_for()


def _open(name: str) -> Callable[[Page], None]:
    return lambda page: page.get_by_role("link", name=name).first.click()


def _ask_for_a_link(page: Page) -> None:
    page.get_by_label("E-mail address").fill("ada@northwind.example")
    with page.expect_navigation():
        page.get_by_role("button", name="Send the link").click()


def _ask_where_to_sign_in(page: Page) -> None:
    page.get_by_label("E-mail address").fill("ada@northwind.example")
    with page.expect_navigation():
        page.get_by_role("button", name="Send the list").click()


SCENES = {
    "sign-in": Scene(at("/sign-in/"), who=_nobody),
    "sign-in-password": Scene(at("/sign-in/"), _enter_address, _nobody),
    "sign-in-refused": Scene(at("/sign-in/"), _try_to_sign_in, _nobody),
    "sign-in-of-an-org": Scene(lambda owner: sign_in.sign_in_path(owner.org), who=_nobody),
    "too-many-attempts": Scene(_too_many_attempts, _try_to_sign_in, _nobody),
    "where-to-sign-in": Scene(at("/where-to-sign-in/"), who=_nobody),
    "where-to-sign-in-sent": Scene(at("/where-to-sign-in/"), _ask_where_to_sign_in, _nobody),
    "forgotten-password": Scene(at("/forgotten-password/"), who=_nobody),
    "password-link-sent": Scene(at("/forgotten-password/"), _ask_for_a_link, _nobody),
    "set-password": Scene(_password_link, who=_nobody),
    "set-password-too-late": Scene(at("/set-password/MQ/stale-link/"), who=_nobody),
    "not-an-admin": Scene(at("/people/"), who=_member),
    "not-found": Scene(at("/nowhere/")),
    "search": Scene(lambda owner: _connected(owner) and "/search/?q=scim"),
    "palette": Scene(_overview, _open_palette),
    "overview": Scene(_overview),
    "overview-matters": Scene(lambda owner: _needs_attention(owner) and "/"),
    "overview-new": Scene(at("/")),
    "overview-waiting": Scene(_waiting),
    "authentication": Scene(at("/settings/authentication/")),
    "authentication-domains": Scene(_domains),
    "domain-new": Scene(at("/settings/authentication/domains/new/")),
    "domain": Scene(lambda owner: f"{_domains(owner)}domains/northwind-logistics.example/"),
    "domain-remove": Scene(lambda owner: f"{_domains(owner)}domains/northwind.example/remove/"),
    "scim-provisioning": Scene(_connected),
    "scim-provisioning-matters": Scene(_needs_attention),
    "token-addresses": Scene(_addresses),
    "token-addresses-shut-out": Scene(_addresses, _shut_out),
    "scim-provisioning-new": Scene(at("/settings/scim/")),
    "scim-provisioning-not-ready": Scene(_not_ready),
    "scim-provisioning-lapsed": Scene(_lapsed),
    "scim-provisioning-rotating": Scene(_rotating),
    "scim-provisioning-half-way": Scene(_half_way),
    "scim-provisioning-replaced": Scene(_replaced),
    "setup-okta": Scene(_guide("okta")),
    "setup-entra": Scene(_guide("entra")),
    "setup-pingone": Scene(_guide("pingone")),
    "setup-jumpcloud": Scene(_guide("jumpcloud")),
    "setup-onelogin": Scene(_guide("onelogin")),
    "setup-google": Scene(_guide("google")),
    "setup-other": Scene(_guide("other")),
    "provisioning-log": Scene(_log),
    "provisioning-log-new": Scene(at("/settings/scim/log/")),
    "provisioning-log-news": Scene(_log, _await_news),
    "provisioning-log-nothing-fits": Scene(lambda owner: _log(owner) + "?q=nobody"),
    "provisioning-log-drawer": Scene(_log, _open_drawer),
    "provisioning-log-entry": Scene(_among_others),
    "provisioning-log-gone": Scene(at("/settings/scim/log/0190a4e2-0000-7000-8000-000000000001/")),
    "revoke-dialog-replaced": Scene(_replaced, _open("Revoke Entra, old")),
    "token-dialog": Scene(_connected, _open("Create token")),
    "token-new": Scene(at("/settings/scim/tokens/new/")),
    "token-new-for-okta": Scene(at("/settings/scim/tokens/new/?idp=okta")),
    "token-created": Scene(at("/settings/scim/tokens/new/"), _create_token),
    "token-revoke": Scene(_revoke),
    "revoke-dialog": Scene(_connected, _open("Revoke Okta production")),
    "groups-dialog": Scene(_connected, _open("Switch off")),
    "groups-switch": Scene(at("/settings/scim/groups/")),
}
SCENES |= (
    scenes_activity.SCENES | scenes_conflicts.SCENES | scenes_groups.SCENES | scenes_held.SCENES | scenes_undo.SCENES
)
SCENES |= scenes_people.SCENES | scenes_two_persons.SCENES
SCENES |= scenes_imports.SCENES | scenes_webhooks.SCENES
SCENES |= scenes_invitations.SCENES | scenes_account.SCENES | scenes_second_factor.SCENES
SCENES |= scenes_sign_in.SCENES | scenes_single_sign_on.SCENES | scenes_setup_links.SCENES | scenes_api.SCENES
