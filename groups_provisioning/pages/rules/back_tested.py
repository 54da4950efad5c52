"""A rule that is tried on what was pushed lately (SPEC T4), as the editor shows it. Reads only."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from django.utils import timezone

from groups_provisioning.models import GroupMapping, MappingRule, PushedGroup
from groups_provisioning.pages.rules.forms import RuleForm
from groups_provisioning.pages.rules.rule_list import pattern_in_words
from groups_provisioning.preview import back_test, runs, shown
from groups_provisioning.preview.back_test import BackTest
from groups_provisioning.preview.plans import Mapped, Waiting
from groups_provisioning.preview.runs import Outlook
from groups_provisioning.preview.shown import Shown
from orgs.models import Organization

LISTED = 50
LATER = timedelta(days=1)
"""After a group is first pushed, some identity providers still send its members, for some time."""


class Row(NamedTuple):
    """A group that the rule would have mapped. name: by which it matched. members: how many, a day after its push."""

    group: PushedGroup
    name: str
    at: datetime
    members: int
    mapped: Mapped | None
    waiting: Waiting | None


@dataclass(frozen=True, slots=True)
class BackTested:
    """rule: in words. rows: the first LISTED groups, the last one that was pushed first, of so many in all. taken: the
    first groups that have such a mapping by now, with the mapping, or None where an admin rejected it.
    """

    rule: str
    test: BackTest
    outlook: Outlook
    outcome: Shown | None
    rows: Sequence[Row]
    taken: Sequence[tuple[PushedGroup, GroupMapping | None]]

    @property
    def count(self) -> int:
        return len(self.test.tried) - len(self.test.taken)

    @property
    def gone(self) -> Sequence[str]:
        return self.test.gone[:LISTED]


def back_tested(org: Organization, form: RuleForm) -> BackTested:
    """Try the rule of a valid form. Raises what saving it would raise."""
    wish = {"do": "back_test", "rule": str(form.rule.id) if form.rule else "", **asdict(form.facts())}
    outlook = runs.look(org, wish)
    test = outlook.plan.back_test
    assert test is not None
    tried = sorted(test.tried.items(), key=lambda item: item[1].at, reverse=True)
    taken_ids = set(test.taken)
    shown_ids = [id_ for id_, _ in tried if id_ not in taken_ids][:LISTED]
    groups = PushedGroup.objects.for_org(org).in_bulk([*shown_ids, *test.taken[:LISTED]])
    now = timezone.now()
    members = back_test.members_then({id_: min(test.tried[id_].at + LATER, now) for id_ in shown_ids})
    mapped = {each.group_id: each for each in outlook.plan.mapped}
    waiting = {each.group_id: each for each in outlook.plan.waiting}
    rows = [
        Row(groups[id_], test.tried[id_].name, test.tried[id_].at, members[id_], mapped.get(id_), waiting.get(id_))
        for id_ in shown_ids
    ]
    rule = MappingRule(org=org, **asdict(form.facts()))
    return BackTested(
        pattern_in_words(rule), test, outlook, shown.show(org, outlook), rows, _taken(rule, groups, test.taken[:LISTED])
    )


def _taken(
    rule: MappingRule, groups: dict[UUID, PushedGroup], ids: Sequence[UUID]
) -> list[tuple[PushedGroup, GroupMapping | None]]:
    live = GroupMapping.objects.live().filter(group_id__in=ids).select_related("entity").order_by("-id")
    mappings = {each.group_id: each for each in live if each.target_type == rule.target_type}
    return [(groups[id_], mappings.get(id_)) for id_ in ids]
