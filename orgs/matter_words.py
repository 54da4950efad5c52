"""Stored matters in the words of an org's admins: what happened, and what to do about it."""

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from uuid import UUID

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from orgs import matters
from orgs.db.keys import as_uuid
from orgs.matters import URGENT
from orgs.models import IdentityProvider, Matter, MatterKind, Organization, ScimToken
from orgs.open_matters import FEW, OpenMatter, Subject


@dataclass(frozen=True, slots=True)
class Told:
    """A matter in words. text: what it means, and what to do. dismissal: what the button that dismisses it says."""

    matter: Matter
    title: str
    text: str
    dismissal: str

    @property
    def subject(self) -> Subject:
        return _subject(self.matter)

    @property
    def is_urgent(self) -> bool:
        return self.matter.kind in URGENT

    @property
    def times(self) -> str:
        count = self.matter.count
        return ngettext("%(count)s time", "%(count)s times", count) % {"count": f"{count:,}"}


def tell(org: Organization, matters: Iterable[Matter]) -> list[Told]:
    """The matters in words, urgent ones first, otherwise in their order. One query."""
    return _in_words([org], matters)


def _in_words(orgs: Collection[Organization], matters: Iterable[Matter]) -> list[Told]:
    found = sorted(matters, key=lambda matter: matter.kind not in URGENT)
    ids = [id_ for matter in found if (id_ := as_uuid(_token_of(matter)))]
    tokens = ScimToken.objects.filter(org__in=orgs).in_bulk(ids) if ids else {}
    return [_told(matter, tokens) for matter in found]


def tell_refused_creates(org: Organization, kind: MatterKind, text: str, *, at: datetime) -> list[Told]:
    """The refused creates of what somebody looked for, and did not find: the latest few."""
    return tell(org, matters.refused_creates(org, kind, text, at=at)[:FEW]) if text.strip() else []


def read(orgs: Collection[Organization], at: datetime) -> Iterator[tuple[UUID, OpenMatter]]:
    """What is open of the stored matters; one for the many of a kind. Two statements."""
    told = _in_words(orgs, matters.open_in_all_orgs(at=at).filter(org__in=orgs))
    told.sort(key=lambda each: (each.matter.org_id, each.matter.kind))
    for (org_id, kind), group in groupby(told, key=lambda each: (each.matter.org_id, MatterKind(each.matter.kind))):
        several = list(group)
        if len(several) == 1 or kind in URGENT:
            yield from ((org_id, _open(kind, [each], each.title, each.text)) for each in several)
        else:
            title, text = _SEVERAL[kind](), _("Each is listed with what to do about it.")
            yield org_id, _open(kind, several, title % {"count": len(several)}, text)


def _open(kind: MatterKind, told: list[Told], title: str, text: str) -> OpenMatter:
    """told: the latest first."""
    subjects = tuple(each.subject for each in told[:FEW])
    return OpenMatter(
        kind=kind,
        title=title,
        text=text,
        address=subjects[0].address if len(told) == 1 and kind not in URGENT else _list(),
        count=len(told),
        subjects=subjects,
        since=min(each.matter.first_at for each in told),
        last=told[0].matter.last_at,
        times=sum(each.matter.count for each in told),
        request_id=told[0].matter.request_id,
    )


def _list() -> str:
    return f"{reverse('scim-provisioning')}#matters"


def _subject(matter: Matter) -> Subject:
    """The person, group or token, with its page, if it is there."""
    type_ = SUBJECTS[MatterKind(matter.kind)]
    if matter.kind in URGENT:
        return Subject(type_, matter.subject, "", f"{reverse('scim-provisioning')}#tokens")
    if matter.kind in BY_ID:
        return Subject(type_, matter.subject, _short(matter), reverse(type_, args=[matter.subject]))
    if matter.kind == MatterKind.GROUPS_OFF:
        return Subject(type_, "", "", reverse("scim-group-provisioning"))
    return Subject(type_, "", _short(matter), _list())


SUBJECTS: dict[MatterKind, str] = {
    MatterKind.DEAD_TOKEN: "token",
    MatterKind.FOREIGN_ADDRESS: "token",
    MatterKind.TOKEN_IN_CLEAR: "token",
    MatterKind.USER_REFUSED: "person",
    MatterKind.USER_UNWRITTEN: "person",
    MatterKind.USER_TAKEN: "person",
    MatterKind.GROUP_REFUSED: "group",
    MatterKind.GROUP_UNWRITTEN: "group",
    MatterKind.GROUP_ENDED: "group",
    MatterKind.GROUPS_OFF: "organization",
    MatterKind.UNDESCRIBED: "attribute",
}
"""What each kind is about: the type of its subject."""
BY_ID = (MatterKind.USER_UNWRITTEN, MatterKind.USER_TAKEN, MatterKind.GROUP_UNWRITTEN, MatterKind.GROUP_ENDED)
"""The kinds whose subject is the id of a person or group."""

_SEVERAL: dict[MatterKind, Callable[[], str]] = {
    MatterKind.USER_REFUSED: lambda: _("%(count)s people could not be created"),
    MatterKind.GROUP_REFUSED: lambda: _("%(count)s groups could not be created"),
    MatterKind.USER_UNWRITTEN: lambda: _("Changes to %(count)s people were refused"),
    MatterKind.GROUP_UNWRITTEN: lambda: _("Changes to %(count)s groups were refused"),
    MatterKind.USER_TAKEN: lambda: _("%(count)s people were deactivated whom SCIM did not create"),
    MatterKind.GROUP_ENDED: lambda: _("%(count)s groups that were ended are still being pushed"),
    MatterKind.UNDESCRIBED: lambda: _("%(count)s attributes are not in the schema profile"),
}


def _token_of(matter: Matter) -> str:
    return matter.subject if matter.kind in URGENT else str(matter.detail.get("token", ""))


def _short(matter: Matter) -> str:
    return str(matter.detail.get("attribute") or matter.detail.get("name") or matter.subject)


def _told(matter: Matter, tokens: dict[UUID, ScimToken]) -> Told:
    token = tokens.get(as_uuid(_token_of(matter)))  # type: ignore[arg-type]
    title, text = _WORDS[MatterKind(matter.kind)](matter, token)
    asks_who = matter.kind in (MatterKind.DEAD_TOKEN, MatterKind.FOREIGN_ADDRESS)
    return Told(matter, title, text, _("I know this caller") if asks_who else _("Dismiss"))


def _dead_token(matter: Matter, token: ScimToken | None) -> tuple[str, str]:
    title = _("“%(name)s” was revoked, but is still used") if token and token.revoked_at else ""
    title = title or _("“%(name)s” has expired, but is still used")
    text = _(
        "%(caller)s sent %(method)s %(path)s. Nothing that it sends takes effect. Enter a valid token in %(idp)s; or, "
        "if you know this caller and do not mind, say so."
    )
    return title % {"name": token.name if token else ""}, text % _caller(matter, token)


def _foreign_address(matter: Matter, token: ScimToken | None) -> tuple[str, str]:
    title = _("“%(name)s” is used from an address that is not allowed") % {"name": token.name if token else ""}
    text = _(
        "%(caller)s sent %(method)s %(path)s, and was refused. If that is %(idp)s, add its address to those of the "
        "token. Otherwise somebody else has the token: create a new one, and revoke this one."
    )
    return title, text % _caller(matter, token)


def _token_in_clear(matter: Matter, token: ScimToken | None) -> tuple[str, str]:
    title = _("“%(name)s” is sent over plain HTTP") % {"name": token.name if token else ""}
    text = _(
        "%(caller)s sent %(method)s %(path)s over plain HTTP, and was refused. Enter the base URL with https:// in "
        "%(idp)s. "
        "Somebody may have read the token in transit: create a new one, and revoke this one."
    )
    return title, text % _caller(matter, token)


def _caller(matter: Matter, token: ScimToken | None) -> dict[str, str]:
    address, agent = (str(matter.detail.get(name, "")) for name in ("address", "agent"))
    caller = _("%(agent)s at %(address)s") % {"agent": agent, "address": address} if agent else address
    about = {name: str(matter.detail.get(name, "")) for name in ("method", "path")}
    return {**about, "caller": caller or _("Somebody"), "idp": _idp(token)}


def _refused_create(matter: Matter, token: ScimToken | None) -> tuple[str, str]:
    status, error = (str(matter.detail.get(name, "")) for name in ("status", "error"))
    if matter.kind == MatterKind.USER_REFUSED:
        title = _("The person “%(name)s” could not be created")
    else:
        title = _("The group “%(name)s” could not be created")
    if matter.kind == MatterKind.GROUP_REFUSED and status == "403":
        text = _("Group provisioning was off. Once it is on, push the group again from %(idp)s.")
    else:
        text = _("%(error)s Correct this in %(idp)s, and send it again.")
    return title % {"name": matter.subject}, text % {"error": error, "idp": _idp(token)}


def _unwritten(matter: Matter, token: ScimToken | None) -> tuple[str, str]:
    if matter.kind == MatterKind.USER_UNWRITTEN:
        title = _("A change to “%(name)s” was refused")
    else:
        title = _("A change to the group “%(name)s” was refused")
    text = _("%(error)s Correct this in %(idp)s, and send it again.")
    about = {"error": matter.detail.get("error", ""), "idp": _idp(token)}
    return title % {"name": _short(matter)}, text % about


def _groups_off(matter: Matter, token: ScimToken | None) -> tuple[str, str]:
    title = _("Groups are pushed, but group provisioning is off")
    text = _("%(idp)s pushes groups, and is refused. Switch group provisioning on, or stop pushing groups there.")
    return title, text % {"idp": _of_token(token)}


def _taken(matter: Matter, token: ScimToken | None) -> tuple[str, str]:
    title = _("“%(name)s” was deactivated, although SCIM did not create them") % {"name": _short(matter)}
    text = _(
        "They were invited, imported or signed in first, and then %(idp)s deactivated them. To keep them, activate or "
        "assign them there."
    )
    return title, text % {"idp": _idp(token)}


def _group_ended(matter: Matter, token: ScimToken | None) -> tuple[str, str]:
    title = _("The group “%(name)s” was ended here, and is still being pushed") % {
        "name": matter.detail.get("name", "")
    }
    text = _("These requests are refused. To keep the group, undo its end on its page. Otherwise %(what)s")
    match token.idp if token else "":
        case IdentityProvider.OKTA:
            what = _("unlink it under “Push Groups” in Okta. To start anew there, unlink it and push it again.")
        case IdentityProvider.ENTRA:
            what = _("remove it from the application in Entra ID. To start anew there, restart provisioning.")
        case _:
            what = _(
                "stop pushing it in %(idp)s. To start anew there, restart provisioning, or unlink the group and push "
                "it again."
            ) % {"idp": _idp(token)}
    return title, text % {"what": what}


def _undescribed(matter: Matter, token: ScimToken | None) -> tuple[str, str]:
    attribute, meant = (str(matter.detail.get(name, "")) for name in ("attribute", "meant"))
    title = _("The schema profile has no attribute “%(name)s”") % {"name": attribute}
    text = _("Its values are stored and returned, but have no effect.")
    if meant:
        text += " " + _("Did you mean %(name)s? Correct its name in the attribute mapping of %(idp)s.")
    else:
        text += " " + _("Compare its name in %(idp)s with the attributes of the setup guide.")
    return title, text % {"name": meant, "idp": _idp(token)}


def _of_token(token: ScimToken | None) -> str:
    """The identity provider, to begin a sentence with."""
    words = _idp(token)
    return words[:1].upper() + words[1:]


def _idp(token: ScimToken | None) -> str:
    return token.idp_name if token else _("your identity provider")


_WORDS: dict[MatterKind, Callable[[Matter, ScimToken | None], tuple[str, str]]] = {
    MatterKind.DEAD_TOKEN: _dead_token,
    MatterKind.FOREIGN_ADDRESS: _foreign_address,
    MatterKind.TOKEN_IN_CLEAR: _token_in_clear,
    MatterKind.USER_REFUSED: _refused_create,
    MatterKind.GROUP_REFUSED: _refused_create,
    MatterKind.USER_UNWRITTEN: _unwritten,
    MatterKind.GROUP_UNWRITTEN: _unwritten,
    MatterKind.GROUPS_OFF: _groups_off,
    MatterKind.USER_TAKEN: _taken,
    MatterKind.GROUP_ENDED: _group_ended,
    MatterKind.UNDESCRIBED: _undescribed,
}
