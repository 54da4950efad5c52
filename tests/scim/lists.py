"""Lists without a filter, compared with the tables."""

from django.db.models import QuerySet

from groups_provisioning.models import PushedGroup
from orgs import feed
from orgs.models import Organization, User
from scim.mapping import groups, users
from scim.mapping.whole_lists import WholeList


def whole_lists(org: Organization) -> tuple[tuple[WholeList, QuerySet], ...]:
    return (
        (users.whole_list, User.objects.for_org(org).provisionable()),
        (groups.whole_list, PushedGroup.objects.for_org(org).live()),
    )


def check_lists(org: Organization) -> None:
    """What SCIM lists is what there is: before what was changed is stamped, then, and while nothing changes."""
    for _ in range(3):
        for whole, rows in whole_lists(org):
            ids = [str(id_) for id_ in rows.order_by("id").values_list("id", flat=True)]
            for skip in (0, 1, len(ids) // 2, max(len(ids) - 1, 0), len(ids)):
                found, total = whole.page(org.id, skip=skip, count=2)
                assert ([id_ for id_, _ in found], total) == (ids[skip : skip + 2], len(ids))
        feed.stamp_all()
