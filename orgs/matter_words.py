"""Matters in the words of an org's admins: what happened, and what to do about it."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import groupby
from uuid import UUID

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from orgs.db.keys import as_uuid
from orgs.matters import URGENT
from orgs.models import IdentityProvider, Matter, MatterKind, Organization, ScimToken

NAMED = 3  # of many matters of one kind


@dataclass(frozen=True, slots=True)
class Told:
    """A matter in words. text: what it means, and what to do. dismissal: what the button that dismisses it says."""

    matter: Matter
    title: str
    text: str
    dismissal: str

    @property
    def is_urgent(self) -> bool:
        return self.matter.kind in URGENT

    @property
    def times(self) -> str:
        count = self.matter.count
        return ngettext("%(count)s time", "%(count)s times", count) % {"count": f"{count:,}"}


def tell(org: Organization, matters: Iterable[Matter]) -> list[Told]:
    """The matters in words, urgent ones first, otherwise in their order. One query."""
    found = sorted(matters, key=lambda matter: matter.kind not in URGENT)
    ids = [id_ for matter in found if (id_ := as_uuid(_token_of(matter)))]
    tokens = ScimToken.objects.for_org(org).in_bulk(ids) if ids else {}
    return [_told(matter, tokens) for matter in found]


def summary(told: Iterable[Told]) -> list[tuple[str, str, bool]]:
    """What a short list says of them: title, text and whether it is urgent; one line for the many of a kind."""
    by_kind = sorted(told, key=lambda each: (not each.is_urgent, each.matter.kind))
    lines = []
    for kind, group in groupby(by_kind, key=lambda each: MatterKind(each.matter.kind)):
        several = list(group)
        if len(several) == 1 or kind in URGENT:
            lines += [(each.title, each.text, each.is_urgent) for each in several]
            continue
        names = ", ".join(_("“%s”") % _short(each.matter) for each in several[:NAMED])
        if len(several) > NAMED:
            names = _("%(names)s and %(count)s more") % {"names": names, "count": len(several) - NAMED}
        lines.append((str(_SEVERAL[kind]()) % {"count": len(several)}, names, False))
    return lines


_SEVERAL: dict[MatterKind, Callable[[], str]] = {
    MatterKind.USER_REFUSED: lambda: _("%(count)s people could not be created"),
    MatterKind.GROUP_REFUSED: lambda: _("%(count)s groups could not be created"),
    MatterKind.GROUP_ENDED: lambda: _("%(count)s groups that were ended are still written"),
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
        "if you know this caller and it may go on, say so."
    )
    return title % {"name": token.name if token else ""}, text % _caller(matter, token)


def _foreign_address(matter: Matter, token: ScimToken | None) -> tuple[str, str]:
    title = _("“%(name)s” is used from an address that it is not limited to") % {"name": token.name if token else ""}
    text = _(
        "%(caller)s sent %(method)s %(path)s, and was refused. If that is %(idp)s, add its address to those of the "
        "token. Otherwise somebody else has the token: create a new one, and revoke this one."
    )
    return title, text % _caller(matter, token)


def _token_in_clear(matter: Matter, token: ScimToken | None) -> tuple[str, str]:
    title = _("“%(name)s” is sent over plain HTTP") % {"name": token.name if token else ""}
    text = _(
        "%(caller)s sent %(method)s %(path)s in clear, and was refused. Enter the base URL with https:// in %(idp)s. "
        "Somebody may have read the token on its way: create a new one, and revoke this one."
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


def _group_ended(matter: Matter, token: ScimToken | None) -> tuple[str, str]:
    title = _("The group “%(name)s” was ended here, and is still written") % {"name": matter.detail.get("name", "")}
    text = _("Such writes are refused. If the group is to go on, undo its end on its page. Otherwise %(what)s")
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


def _idp(token: ScimToken | None) -> str:
    if token is None or token.idp == IdentityProvider.OTHER:
        return _("your identity provider")
    return str(token.get_idp_display())


_WORDS: dict[MatterKind, Callable[[Matter, ScimToken | None], tuple[str, str]]] = {
    MatterKind.DEAD_TOKEN: _dead_token,
    MatterKind.FOREIGN_ADDRESS: _foreign_address,
    MatterKind.TOKEN_IN_CLEAR: _token_in_clear,
    MatterKind.USER_REFUSED: _refused_create,
    MatterKind.GROUP_REFUSED: _refused_create,
    MatterKind.GROUP_ENDED: _group_ended,
    MatterKind.UNDESCRIBED: _undescribed,
}
