"""Where one can go in the portal, and what one can begin: by the words that its admins use."""

from collections.abc import Iterator
from dataclasses import dataclass

from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from groups_provisioning.pages.entities.kind_words import WORDS
from orgs.db.keys import fold
from orgs.db.words import words_of
from orgs.entities import kinds_on
from orgs.models import EntityKind, Organization


@dataclass(frozen=True, slots=True)
class Destination:
    """A page, or what begins something. url: the name of its address. also: other words by which it is found."""

    title: str | Promise
    url: str
    icon: str
    also: str | Promise = ""

    @property
    def address(self) -> str:
        return reverse(self.url)


PAGES = (
    Destination(_("Overview"), "overview", "layout-dashboard", _("home start dashboard attention requests")),
    Destination(_("SCIM groups"), "groups", "folder-sync", _("pushed mappings pending unmapped")),
    Destination(_("Rules"), "rules", "list-ordered", _("mapping automatic role pattern groups")),
    Destination(_("Conflicts"), "conflicts", "git-compare-arrows", _("decide open")),
    Destination(_("Resolved conflicts"), "conflicts-resolved", "git-compare-arrows", _("undo decisions")),
    Destination(_("Held changes"), "held-changes", "shield-alert", _("mass limits breaker let through wait")),
    Destination(
        _("Waiting for a second admin"), "proposals", "user-check", _("two persons approve proposals decisions")
    ),
    Destination(_("Two-person approval"), "two-persons", "user-check", _("persons second admin four eyes settings")),
    Destination(_("People"), "people", "users", _("users accounts members")),
    Destination(_("Admins"), "admins", "user-cog", _("administrators people role owner")),
    Destination(_("Invitations"), "invitations", "mail", _("people invited")),
    Destination(_("Imports"), "imports", "upload", _("csv json people migrate former system")),
    Destination(_("Activity"), "activity", "history", _("changes audit history who")),
    Destination(_("Authentication"), "authentication", "key-round", _("domains verify owner settings")),
    Destination(_("Setup links"), "setup-links", "link", _("it contact share")),
    Destination(_("Single sign-on"), "sso", "shield-check", _("sso saml openid connect identity provider settings")),
    Destination(_("Sign-ins"), "sso-sign-ins", "log-in", _("sso single sign-on test refused")),
    Destination(_("SCIM provisioning"), "scim-provisioning", "refresh-cw", _("base url tokens setup guide settings")),
    Destination(_("Provisioning log"), "scim-log", "scroll-text", _("requests errors refused failed scim")),
    Destination(_("API keys"), "api-keys", "square-terminal", _("rest settings program")),
    Destination(_("Webhooks"), "webhooks", "webhook", _("events endpoint settings")),
    Destination(_("Your account"), "account", "circle-user-round", _("profile password sessions time zone name")),
    Destination(_("API documentation"), "api-docs", "book-open", _("rest openapi reference")),
)

ACTIONS = (
    Destination(_("Create SCIM token"), "scim-token-new", "plus", _("new bearer add identity provider connect")),
    Destination(_("Invite people"), "invitation-new", "plus", _("new add person user invitation")),
    Destination(_("New mapping rule"), "rule-new", "plus", _("add create automatic")),
    Destination(_("New role rule"), "role-rule-new", "plus", _("add create automatic")),
    Destination(_("Apply rules"), "rules-apply", "play", _("unmapped groups run")),
    Destination(_("Add a domain"), "domain-new", "plus", _("new verify dns")),
    Destination(_("Create setup link"), "setup-link-new", "plus", _("new share it contact")),
    Destination(_("Create API key"), "api-key-new", "plus", _("new add rest")),
    Destination(_("Add a webhook"), "webhook-new", "plus", _("new create endpoint events")),
    Destination(_("Change your password"), "account-password", "lock", _("account")),
    Destination(_("Second factors"), "second-factors", "smartphone", _("passkey authenticator mfa 2fa account")),
)

GROUP_PROVISIONING = Destination(
    _("Switch group provisioning on or off"), "scim-group-provisioning", "toggle-right", _("push groups enable disable")
)
ICONS = {"teams": "users-round", "concurrency-groups": "gauge", "sub-organizations": "network"}


def pages(org: Organization, text: str) -> list[Destination]:
    """The pages that an org has, and that the words of a text find; all of them for an empty text."""
    return list(_matching((*PAGES, *_entity_pages(org)), text))


def actions(org: Organization, text: str) -> list[Destination]:
    """As `pages`, of what an admin can begin."""
    more = (GROUP_PROVISIONING,) if org.group_provisioning_activated else ()
    new = (Destination(WORDS[kind].new, f"{WORDS[kind].url}-new", "plus", _("add create")) for kind in _kinds(org))
    return list(_matching((*ACTIONS, *new, *more), text))


def _entity_pages(org: Organization) -> Iterator[Destination]:
    for kind in _kinds(org):
        words = WORDS[kind]
        yield Destination(words.many, words.url, ICONS[words.url], _("entities members"))


def _kinds(org: Organization) -> list[EntityKind]:
    return [kind for kind in WORDS if kind in kinds_on(org)]


def _matching(destinations: tuple[Destination, ...], text: str) -> Iterator[Destination]:
    """Those in whose title or other words each word of the text begins one; by their titles first."""
    wanted = words_of(text)
    if fold(text).strip() and not wanted:
        return
    by_title, by_other = [], []
    for each in destinations:
        title, other = words_of(str(each.title)), words_of(str(each.also))
        if _begin(wanted, title):
            by_title.append(each)
        elif _begin(wanted, [*title, *other]):
            by_other.append(each)
    yield from (*by_title, *by_other)


def _begin(wanted: list[str], words: list[str]) -> bool:
    return all(any(word.startswith(each) for word in words) for each in wanted)
