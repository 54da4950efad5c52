"""Icons, times and the support contact, as every page shows them."""

from collections.abc import Mapping
from datetime import date as Day
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any
from urllib.parse import quote

from django import template
from django.conf import settings
from django.core.paginator import Page
from django.utils import formats, timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _
from django.utils.translation import ngettext_lazy
from lucide.templatetags.lucide import lucide

from orgs.plain_words import plain
from orgs.web import signed_in_before
from orgs.web.signed_in_before import Place

register = template.Library()

UNITS = (
    (timedelta(minutes=1), 60, ngettext_lazy("%(count)d minute", "%(count)d minutes", "count")),
    (timedelta(hours=1), 24, ngettext_lazy("%(count)d hour", "%(count)d hours", "count")),
    (timedelta(days=1), 60, ngettext_lazy("%(count)d day", "%(count)d days", "count")),
    (timedelta(days=30), 24, ngettext_lazy("%(count)d month", "%(count)d months", "count")),
    (timedelta(days=365), None, ngettext_lazy("%(count)d year", "%(count)d years", "count")),
)


@register.simple_tag
@lru_cache(maxsize=128)
def icon(name: str, size: int = 16) -> SafeString:
    """A decorative icon, on one line, since a list has hundreds; the text beside it says what it means."""
    lines = lucide(name, size=size, aria_hidden="true", stroke_width="1.75").splitlines()
    return mark_safe("".join(line.strip().replace(" />", "/>") for line in lines))  # noqa: S308


@register.simple_tag
def ago(moment: datetime) -> SafeString:
    """How long ago or how far ahead a moment is, with the exact time and its zone on hover."""
    return _time(moment, relative(moment))


@register.simple_tag
def date(moment: datetime) -> SafeString:
    """The day of a moment, with the exact time and its zone on hover."""
    return _time(moment, on_day(moment))


@register.simple_tag
def exact(moment: datetime) -> SafeString:
    return _time(moment, exactly(moment))


@register.simple_tag
def second(moment: datetime) -> SafeString:
    return _time(moment, to_the_second(moment))


@register.simple_tag
def clock(moment: datetime) -> SafeString:
    """The time of day of a moment, to the second, for a list that has its day beside it."""
    return _time(moment, _clock(moment))


@register.simple_tag
def support_contact() -> str:
    """Where support is reached, or else who that is; to follow a sentence that mentions support."""
    address = settings.SUPPORT_EMAIL
    if not address:
        return _("Support is whoever runs this portal.")
    return format_html('<a href="mailto:{}">{}</a>', quote(address, safe="@"), address)


@register.simple_tag(takes_context=True)
def other_orgs(context: Mapping[str, Any]) -> list[Place]:
    """The menu of a session (SPEC L1), which a page shows twice: at its side, and above it on narrow screens."""
    request = context["request"]
    if not hasattr(request, "other_orgs"):
        request.other_orgs = signed_in_before.other_orgs(request)
    found: list[Place] = request.other_orgs
    return found


@register.simple_tag
def page_numbers(page: Page) -> list[int | str]:
    """The pages that a pager links to, and an ellipsis for those between: `1 … 4 5 6 … 200`."""
    return list(page.paginator.get_elided_page_range(page.number, on_each_side=1, on_ends=1))


@register.inclusion_tag("_sort_column.html", takes_context=True)
def sort_column(
    context: Mapping[str, Any], label: str, order: str, chosen: str, *, falling: bool = False, **more: str
) -> dict[str, Any]:
    """The head of a column that a list can be sorted by. order: its name in URLs; chosen: the present one of the list;
    falling: whether the column is sorted downwards first. more: `css`, its class; `at`, the id of the list.
    """
    reverse = f"-{order}"
    is_chosen = chosen in {order, reverse}
    first, second = (reverse, order) if falling else (order, reverse)
    return {
        "request": context["request"],
        "label": label,
        "next": second if chosen == first else first,
        "sorted": ("descending" if chosen == reverse else "ascending") if is_chosen else "",
        **more,
    }


@register.filter
def breakable(name: str, after: str = ":") -> SafeString:
    """The name of an attribute, with a possible line break after each colon rather than within a word. after: where
    else a name may break, such as that of a host.
    """
    return format_html_join(format_html("{}<wbr>", after), "{}", ((part,) for part in name.split(after)))


register.filter(plain)


@register.filter
def exactly(moment: datetime) -> str:
    """A moment in the zone of the reader, with the zone: `25 Oct 2026, 02:59 CEST`.

    The zone is not left to Django's formats, which leave it out in the hour that comes twice.
    """
    local = timezone.localtime(moment)
    return f"{formats.date_format(local, 'j M Y, H:i')} {local:%Z}"


@register.filter
def on_day(moment: datetime) -> str:
    """The day of a moment in the zone of the reader."""
    return formats.date_format(timezone.localtime(moment), "j M Y")


@register.filter
def to_the_second(moment: datetime) -> str:
    """As `exactly`, for what comes in bursts: `25 Oct 2026, 02:59:07 CEST`."""
    return f"{on_day(moment)}, {_clock(moment)}"


@register.filter
def day(on: Day) -> str:
    """A day of the calendar, which has no zone."""
    return formats.date_format(on, "j M Y")


@register.filter
def figure(count: int) -> str:
    """A number that may be large: `1,234,567`."""
    return f"{count:,}"


@register.filter
def relative(moment: datetime) -> str:
    span = timezone.now() - moment
    if abs(span) < timedelta(minutes=1):
        return _("just now")
    return (_("%(span)s ago") if span > timedelta() else _("in %(span)s")) % {"span": words(abs(span))}


@register.filter
def words(span: timedelta) -> str:
    """A span of time in one unit: `15 minutes`. Days go up to 60, since expiry is a matter of days."""
    for unit, end, phrase in UNITS:
        count = round(span / unit)
        if end is None or count < end:
            return phrase % {"count": count}
    raise AssertionError("unreachable")


def _clock(moment: datetime) -> str:
    local = timezone.localtime(moment)
    return f"{formats.date_format(local, 'H:i:s')} {local:%Z}"


def _time(moment: datetime, text: str) -> SafeString:
    return format_html('<time datetime="{}" title="{}">{}</time>', moment.isoformat(), to_the_second(moment), text)
