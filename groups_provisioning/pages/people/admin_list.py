"""Who administers an org, and by what (SPEC O8, R1, R5)."""

from dataclasses import dataclass

from groups_provisioning.engine import explanation
from groups_provisioning.engine.explanation import RoleFrom
from orgs.change_details import UserJoined, UserRolesSet
from orgs.models import Change, Organization, User
from orgs.models.history import BY, SUBJECT
from orgs.roles import catalogue


@dataclass(frozen=True, slots=True)
class Admin:
    """by: what gives them the admin role; the owner needs nothing. set_by: the change that set it by hand."""

    person: User
    by: list[RoleFrom]
    attribute: str
    set_by: Change | None


def explained(org: Organization, people: list[User]) -> list[Admin]:
    """Why each of these is an admin. Up to eight queries each, so for a page of them."""
    by_hand = {str(person.id): change for person, change in _set_by_hand(org, people)}
    admin, found = catalogue(org.profile).admin, []
    for person in people:
        why = explanation.of(org, person).why_roles()
        by = [each for each in why.sources if admin in each.counts]
        found.append(Admin(person, by, why.attribute, by_hand.get(str(person.id))))
    return found


def _set_by_hand(org: Organization, people: list[User]) -> list[tuple[User, Change]]:
    """Who has roles by hand, and the last change that set them."""
    given = {str(person.id): person for person in people if person.manual_roles}
    verbs = (UserRolesSet.verb, UserJoined.verb)
    changes = Change.objects.for_org(org).annotate(subject=SUBJECT).filter(subject__in=given, verb__in=verbs)
    told = changes.select_related(*BY).order_by("id") if given else ()
    last = {change.subject: change for change in told}
    return [(given[subject], change) for subject, change in last.items()]
