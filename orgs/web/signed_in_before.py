"""The orgs that this browser has signed in to, for the menu of a session (SPEC L1).

A signed cookie has the ids of the accounts. It proves nothing: whoever chooses an org there signs in to it as ever, and
only need not say where and who. Signing out empties it, since somebody else may use the browser next.
"""

from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from orgs.db.keys import as_uuid
from orgs.models import Organization, User

LASTS = timedelta(days=90)
MOST = 8
SWITCH = "switch"
"""What the address of an org's sign-in page says where it was chosen in the menu."""

_COOKIE = "signed-in-before"


@dataclass(frozen=True, slots=True)
class Place:
    """An org in the menu. address: where this browser's account there signs in."""

    org: Organization
    address: str


def remember(request: HttpRequest, response: HttpResponse, user: User) -> None:
    """Note that this browser has signed in to the account of an org, the newest first."""
    if user.org_id is None:
        return
    known = [str(user.pk), *(each for each in _known(request) if each != str(user.pk))]
    response.set_signed_cookie(
        _COOKIE,
        ".".join(known[:MOST]),
        salt=_COOKIE,
        max_age=LASTS,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )


def forget(response: HttpResponse) -> None:
    response.delete_cookie(_COOKIE, samesite="Lax")


def other_orgs(request: HttpRequest) -> list[Place]:
    """Where this session may go on to, by name: the other orgs in which this browser has an account that is open.

    One query for each request that has the cookie, none for others.
    """
    user = request.user
    if not user.is_authenticated:
        return []
    found = {account.org: account for account in reversed(_accounts(request)) if account.org_id != user.org_id}
    places = [Place(org, _address(account)) for org, account in found.items() if org is not None]
    return sorted(places, key=lambda place: (place.org.name.casefold(), place.org.pk))


def account_in(request: HttpRequest, org: Organization) -> User | None:
    """Whom the menu meant by an org: this browser's account there, if its password counts."""
    if not request.user.is_authenticated:
        return None
    theirs = (each for each in _accounts(request) if each.org_id == org.pk)
    account = next(theirs, None)
    return account if account is not None and account.password_counts else None


def _address(account: User) -> str:
    assert account.org is not None
    if account.password_counts:
        return f"{reverse('sign-in-org', args=[account.org.slug])}?{SWITCH}=1"
    return reverse("sso-start", args=[account.org.sso_connection])


def _accounts(request: HttpRequest) -> list[User]:
    """Those in the cookie that may sign in, the newest first."""
    ids = [id_ for id_ in map(as_uuid, _known(request)) if id_ is not None]
    if not ids:
        return []
    open_ = User.objects.filter(pk__in=ids, active=True, deleted_at=None, org__closed_at=None, is_staff=False)
    found = {account.pk: account for account in open_.select_related("org").defer("attributes", "folded")}
    return [found[id_] for id_ in ids if id_ in found]


def _known(request: HttpRequest) -> list[str]:
    text = request.get_signed_cookie(_COOKIE, default="", salt=_COOKIE, max_age=LASTS)
    return text.split(".") if text else []
