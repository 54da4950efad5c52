"""Everything that the admins of an org should act on now, in the order in which it matters (SPEC N1, N2).

Each kind has one reader, which finds what is open of it, in words; nothing is ended here, since what a reader no longer
finds is over. An app lists its readers in `settings.MATTER_READERS`, because no app sees all of the others. A reader
reads any number of orgs with a fixed number of statements, whatever their size, and yields at most one matter of an org
for each subject or, of what may be many, one for all.
"""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from uuid import UUID

from django.conf import settings
from django.utils.module_loading import import_string
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from orgs.models import MatterKind, Organization

FEW = 3
"""How many subjects of a matter are named."""
ONE_EACH = ("token", "key", "webhook")
"""Types of subjects that have a matter of their own each; of the others, one is for all."""


class Severity(IntEnum):
    """URGENT: something does not work, or is not safe. WARNING: somebody has less, or more, than meant, until an admin
    acts. NOTE: to be looked at some time.
    """

    URGENT = 1
    WARNING = 2
    NOTE = 3


SEVERITIES: dict[str, Severity] = {
    # Stored by `orgs.matters`.
    MatterKind.DEAD_TOKEN: Severity.URGENT,
    MatterKind.FOREIGN_ADDRESS: Severity.URGENT,
    MatterKind.TOKEN_IN_CLEAR: Severity.URGENT,
    MatterKind.GROUPS_OFF: Severity.WARNING,
    MatterKind.USER_REFUSED: Severity.WARNING,
    MatterKind.GROUP_REFUSED: Severity.WARNING,
    MatterKind.USER_UNWRITTEN: Severity.WARNING,
    MatterKind.GROUP_UNWRITTEN: Severity.WARNING,
    MatterKind.GROUP_ENDED: Severity.WARNING,
    MatterKind.USER_TAKEN: Severity.WARNING,
    MatterKind.UNDESCRIBED: Severity.NOTE,
    # Of credentials, domains and identity providers: `orgs.credential_matters`.
    "token.lapsed": Severity.URGENT,
    "token.expiring": Severity.WARNING,
    "token.unanswered": Severity.WARNING,
    "key.unanswered": Severity.WARNING,
    "token.waiting": Severity.WARNING,
    "idp.several": Severity.WARNING,
    "domain.gone": Severity.WARNING,
    "domain.found": Severity.WARNING,
    # Of what identity providers no longer do: `scim.silence_matters`.
    "idp.silent": Severity.WARNING,
    "idp.adds_only": Severity.WARNING,
    "idp.removes_only": Severity.NOTE,
    # Of people and groups: `groups_provisioning.matters`.
    "changes.held": Severity.URGENT,
    "changes.held_by_support": Severity.WARNING,
    "effects.held": Severity.URGENT,
    "proposal.open": Severity.WARNING,
    "admin.none": Severity.WARNING,
    "admin.last": Severity.WARNING,
    "conflict.open": Severity.WARNING,
    "group.pending": Severity.WARNING,
    "group.target_deleted": Severity.WARNING,
    "group.out_of_sync": Severity.WARNING,
    "group.kind_off": Severity.WARNING,
    "member.unplaced": Severity.NOTE,
    "group.unmapped": Severity.NOTE,
    "user.opened": Severity.WARNING,
    "value.refused": Severity.NOTE,
    # Of single sign-on: `sso.matters`.
    "sso.failing": Severity.URGENT,
    "sso.ended": Severity.URGENT,
    "sso.unread": Severity.WARNING,
    "sso.ending": Severity.WARNING,
    # Of webhooks: `api.webhooks.attention`.
    "webhook.ended": Severity.URGENT,
    "webhook.failing": Severity.WARNING,
}
"""Every kind, and how severe it is."""


@dataclass(frozen=True, slots=True)
class Subject:
    """What a matter is about. type: such as `person`, `group` or `token`. id: empty where only the name is known."""

    type: str
    id: str
    name: str
    address: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenMatter:
    """Something to act on, in words.

    title: what it is. text: what it means, and what to do. address: of the page where that is done. count: of how many
    subjects, where counting ends at a limit one more than that; subjects: the first FEW of them. since, last, times:
    when it was first and last seen, and how often, where somebody knows. request_id: of the call that shows it in the
    request log.
    """

    kind: str
    title: str
    text: str
    address: str
    count: int = 1
    subjects: tuple[Subject, ...] = ()
    since: datetime | None = None
    last: datetime | None = None
    times: int | None = None
    request_id: UUID | None = None

    @property
    def severity(self) -> Severity:
        return SEVERITIES[self.kind]

    @property
    def key(self) -> str:
        """The same for as long as it is open, and of no other matter of the org."""
        each = self.subjects[0] if self.subjects else None
        return f"{self.kind} {each.id}" if each and each.type in ONE_EACH else str(self.kind)

    @property
    def is_urgent(self) -> bool:
        return self.severity is Severity.URGENT

    @property
    def is_note(self) -> bool:
        return self.severity is Severity.NOTE

    @property
    def repeated(self) -> str:
        """How often, in words; empty where that is once or unknown."""
        if self.times is None or self.times < 2:
            return ""
        return ngettext("%(count)s time", "%(count)s times", self.times) % {"count": f"{self.times:,}"}

    @property
    def named(self) -> str:
        """The first subjects by name, unless the title has it."""
        if not self.subjects or (self.count == 1 and self.subjects[0].name in self.title):
            return ""
        names = ", ".join(_("“%s”") % each.name for each in self.subjects)
        more = self.count - len(self.subjects)
        return _("%(names)s and %(count)s more") % {"names": names, "count": f"{more:,}"} if more > 0 else names


Reader = Callable[[Collection[Organization], datetime], Iterable[tuple[UUID, OpenMatter]]]
"""Yields each matter with the id of its org."""


def everything(org: Organization, *, at: datetime) -> list[OpenMatter]:
    """What is open in an org, the most severe first; within that in the order of SEVERITIES."""
    return of_each([org], at=at)[org.pk]


def of_each(orgs: Collection[Organization], *, at: datetime) -> dict[UUID, list[OpenMatter]]:
    """As `everything`, for several, with as many statements as for one. Profiles should have been read with them."""
    found: dict[UUID, list[OpenMatter]] = {org.pk: [] for org in orgs}
    for path in settings.MATTER_READERS:
        reader: Reader = import_string(path)
        for org_id, matter in reader(orgs, at):
            found[org_id].append(matter)
    for matters in found.values():
        matters.sort(key=lambda matter: (matter.severity, _ORDER[matter.kind]))
    return found


_ORDER = {kind: place for place, kind in enumerate(SEVERITIES)}
