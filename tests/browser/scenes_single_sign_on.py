"""Scenes of single sign-on's settings."""

from datetime import timedelta
from urllib.parse import urlsplit

from django.utils import timezone
from playwright.sync_api import Page, Route

from orgs import domains
from orgs.models import IdentityLink, SsoSignIn, User
from sso import connections, renewals
from sso.connections import Facts
from sso.models import IssuerDocument, Protocol, Revision, State
from sso.oidc.documents import description_url
from sso.refusals import Reason, Refused
from sso.saml.certificates import certificates_in
from tests.browser.scene import Scene
from tests.browser.scenes_setup_links import begin, nobody
from tests.factories import UserFactory
from tests.groups_provisioning.world import by_admin, org_of
from tests.sso.saml.identity_provider import ADA, certified, private_key
from tests.sso.saml_provider import SamlProvider, asked, keep_our_key, saml_facts

PAGE = "/settings/single-sign-on/"
ISSUER = "https://login.microsoftonline.com/8f2c1d3e-1111-4222-8333-944455566677/v2.0"


def _chosen(owner: User, idp: str = "okta") -> str:
    connections.prepare(org=org_of(owner), idp=idp, cause=by_admin(owner))
    return PAGE + "configuration/"


def _tested(owner: User, issuer: str = "https://127.0.0.1:1") -> str:
    org, now = org_of(owner), timezone.now()
    _chosen(owner, "entra")
    facts = Facts(
        issuer,
        "3f8e0a52-2222-4333-8444-a55566677788",
        "secret",
        idp="entra",
        secret_ends_on=now.date() + timedelta(days=41),
    )
    draft = connections.draft(org=org, facts=facts, cause=by_admin(owner))
    Revision.objects.filter(id=draft.id).update(tested_at=now - timedelta(minutes=4))
    for name in ("amara", "benedikt", "chiara"):
        UserFactory.create(org=org, user_name=f"{name}@northwind.example")
    return PAGE


def _active(owner: User) -> str:
    """Active, with a secret that ends soon, a provider that cannot be read at the moment, and a draft that is lost."""
    org, now = org_of(owner), timezone.now()
    _tested(owner, ISSUER)
    draft = Revision.objects.for_org(org).get()
    connections.activate(org=org, revision_id=draft.id, cause=by_admin(owner))
    domains.keep(org=org, names=["northwind.example"], cause=by_admin(owner))
    connections.switch_accounts(org=org, on=True, cause=by_admin(owner))
    url = description_url(ISSUER)
    IssuerDocument.objects.create(url=url, asked_at=now, failure=Reason.BAD_STATUS, detail=f"{url}: 503")
    connections.draft(org=org, facts=Facts(ISSUER, "another", "secret", idp="entra"), cause=by_admin(owner))
    Revision.objects.for_org(org).filter(client_id="another").update(client_secret="lost")
    for minutes, name, reason, detail in (
        (400, "amara@northwind.example", "", ""),
        (90, "", Reason.CANCELLED, "access_denied"),
        (30, "zoe@elsewhere.example", Reason.NOBODY, "zoe@elsewhere.example"),
        (12, "benedikt@northwind.example", "", ""),
    ):
        SsoSignIn.objects.create(
            org=org,
            connection=draft.connection_id,
            at=now - timedelta(minutes=minutes),
            name=name,
            reason=reason,
            detail=detail,
            address="203.0.113.24",
        )
    return PAGE


def _by_saml(owner: User) -> str:
    """Active, with a certificate that has ended and one that ends soon, and metadata that cannot be read."""
    org, now = org_of(owner), timezone.now()
    keep_our_key(org)
    pins = [
        certificates_in(certified(private_key(of), "Microsoft Azure Federated SSO", until=now + timedelta(days=days)))[
            0
        ]
        for of, days in (("first", -3), ("second", 61))
    ]
    address = "https://login.microsoftonline.com/8f2c1d3e-1111-4222-8333-944455566677/federationmetadata.xml"
    facts = saml_facts(
        entity_id="https://sts.windows.net/8f2c1d3e-1111-4222-8333-944455566677/",
        sso_url="https://login.microsoftonline.com/8f2c1d3e-1111-4222-8333-944455566677/saml2",
        certificates=tuple(pins),
        metadata_url=address,
        idp="entra",
    )
    draft = connections.draft(org=org, facts=facts, cause=by_admin(owner))
    Revision.objects.filter(id=draft.id).update(tested_at=now - timedelta(days=80))
    active = connections.activate(org=org, revision_id=draft.id, cause=by_admin(owner))
    connections.note_unread(active, Refused(Reason.BAD_STATUS, f"{address}: 503"))
    return PAGE


def _renewed(owner: User) -> str:
    """By SAML with a certificate that ends soon, and a draft that has the next one."""
    org, now = org_of(owner), timezone.now()
    keep_our_key(org)
    ending, coming = (
        certificates_in(certified(private_key(of), "accounts.google.com", until=now + timedelta(days=days)))[0]
        for of, days in (("first", 23), ("second", 1800))
    )
    entity = "https://accounts.google.com/o/saml2?idpid=C01a2b3c4"
    facts = saml_facts(entity_id=entity, sso_url=f"{entity}&sso", certificates=(ending,), idp="google")
    draft = connections.draft(org=org, facts=facts, cause=by_admin(owner))
    Revision.objects.filter(id=draft.id).update(tested_at=now - timedelta(days=340))
    connections.activate(org=org, revision_id=draft.id, cause=by_admin(owner))
    connections.add_certificates(org=org, certificates=[coming], cause=by_admin(owner))
    Revision.objects.for_org(org).filter(state=State.DRAFT).update(tested_at=now)
    return PAGE


def _renewing(owner: User) -> str:
    _renewed(owner)
    made = renewals.make_link(org=org_of(owner), recipient="Carol Diaz, Contoso IT", cause=by_admin(owner))
    return f"/setup/{made.secret}/"


def _saml_chosen(owner: User) -> str:
    keep_our_key(org_of(owner))
    connections.prepare(org=org_of(owner), idp="onelogin", protocol=Protocol.SAML, cause=by_admin(owner))
    return PAGE + "configuration/"


def _enter_by_hand(page: Page) -> None:
    page.get_by_text("Three values").click()
    page.get_by_role("textbox", name="Issuer URL").fill("https://app.onelogin.com/saml/metadata/7c1f")
    page.get_by_label("SAML 2.0 Endpoint").fill("https://acme.onelogin.com/trust/saml2/http-redirect/sso/7c1f")
    page.get_by_label("X.509 Certificate").fill("MIIC not all of it")
    page.get_by_role("button", name="Save the draft").click()
    page.get_by_text("This is not an X.509 certificate").wait_for()


def _linked(owner: User) -> str:
    now = timezone.now()
    amara = UserFactory.create(org=owner.org, user_name="amara@northwind.example", display_name="Amara Okafor")
    IdentityLink.objects.create(
        org=owner.org,
        user=amara,
        issuer=ISSUER,
        subject="AAAAAAAAAAAAAAAAAAAAAIkzqFVrSaSaFHy782bbtaQ",
        linked_at=now - timedelta(days=40),
        last_used_at=now - timedelta(hours=3),
    )
    return f"/people/{amara.id}/"


def _enter(page: Page) -> None:
    page.get_by_label("Issuer").fill("https://127.0.0.1:1")
    page.get_by_label("Client ID").fill("0oa1b2c3d4e5f6g7h8i9")
    page.get_by_label("Client secret").fill("a secret")
    page.get_by_role("button", name="Save the draft").click()
    page.get_by_role("alert").wait_for()


def _come_back(page: Page) -> None:
    """From a test run, of which the identity provider says who it was."""

    def answer(route: Route) -> None:
        request = route.fetch(max_redirects=0).headers["location"]  # of redirects, not every Chromium asks routes
        acs = urlsplit(asked(request).get("AssertionConsumerServiceURL")).path
        response = SamlProvider().answer(request)
        form = f'<form method="post" action="{acs}"><input name="SAMLResponse" value="{response}"></form>'
        route.fulfill(body=f"{form}<script>document.forms[0].submit()</script>", content_type="text/html")

    page.route(f"**{PAGE}test/", answer, times=1)
    page.get_by_role("link", name="Test this configuration").click()
    page.get_by_role("heading", name="The test run").wait_for()


def _to_be_tested(owner: User) -> str:
    keep_our_key(org_of(owner))
    connections.draft(org=org_of(owner), facts=saml_facts(), cause=by_admin(owner))
    UserFactory.create(org=owner.org, user_name=ADA, display_name="Ada Lovelace")
    return PAGE


def _unlinking(owner: User) -> str:
    _linked(owner)
    return f"{PAGE}links/{User.objects.get(user_name='amara@northwind.example').id}/"


SCENES = {
    "sso-test-passed": Scene(_to_be_tested, _come_back),
    "sso-switch-off": Scene(lambda owner: f"{_active(owner)}switch-off/"),
    "sso-discard": Scene(lambda owner: f"{_tested(owner)}discard/"),
    "sso-accounts": Scene(lambda owner: f"{_active(owner)}accounts/"),
    "sso-unlink": Scene(_unlinking),
    "sso-unlink-all": Scene(lambda owner: _linked(owner) and f"{PAGE}links/"),
    "sso-none": Scene(lambda owner: PAGE),
    "sso-provider": Scene(lambda owner: PAGE + "provider/"),
    "sso-configuration": Scene(_chosen, _enter),
    "sso-saml-configuration": Scene(_saml_chosen, _enter_by_hand),
    "sso-saml-active": Scene(_by_saml),
    "sso-draft": Scene(_tested),
    "sso-active": Scene(_active),
    "sso-test-refused": Scene(lambda owner: f"{_tested(owner)}test/"),
    "sso-activate": Scene(lambda owner: f"{_tested(owner)}activate/"),
    "sso-sign-ins": Scene(lambda owner: f"{_active(owner)}sign-ins/"),
    "sso-renewed": Scene(_renewed),
    "sso-renewed-activate": Scene(lambda owner: f"{_renewed(owner)}activate/"),
    "sso-renewal-link": Scene(lambda owner: f"{_renewed(owner)}certificates/link/"),
    "setup-certificate": Scene(_renewing, begin, who=nobody),
    "person-linked": Scene(_linked),
}
