"""The words for the kinds of entities."""

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from orgs.models import EntityKind


@dataclass(frozen=True, slots=True)
class Words:
    """The words for a kind. url: the URL name of its list."""

    url: str
    many: str | Promise
    new: str | Promise
    lead: str | Promise


WORDS = {
    EntityKind.TEAM: Words(
        "teams",
        _("Teams"),
        _("New team"),
        _("People can be in any number of teams."),
    ),
    EntityKind.CONCURRENCY_GROUP: Words(
        "concurrency-groups",
        _("Concurrency groups"),
        _("New concurrency group"),
        _(
            "Members share the parallel sessions of their group. People without a group are in the default group, "
            "which cannot be mapped or deleted."
        ),
    ),
    EntityKind.SUB_ORGANIZATION: Words(
        "sub-organizations",
        _("Sub-organizations"),
        _("New sub-organization"),
        _(
            "People are in at most one; without one, they are in the root organization. While they are in one, their "
            "teams and their concurrency group in the root organization have no effect."
        ),
    ),
}
