"""The time zones that a person may read times in, by their IANA names."""

from functools import cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from orgs.db.keys import fold


class UnknownTimeZone(Exception):
    """No time zone has this name."""


def named(text: str) -> str:
    """The name of a zone as IANA spells it. text: in any letter case. Raises UnknownTimeZone."""
    try:
        return _names()[fold(text)]
    except KeyError as error:
        raise UnknownTimeZone(text) from error


def offered() -> list[str]:
    """The zones to choose from: places and UTC, without the names of before and those for machines."""
    return sorted(name for name in _names().values() if name == "UTC" or ("/" in name and not name.startswith("Etc/")))


def zone(name: str) -> ZoneInfo | None:
    """The zone of that name; None for none, or where this machine does not know it any more."""
    try:
        return ZoneInfo(name) if name else None
    except (ZoneInfoNotFoundError, ValueError):
        return None


@cache
def _names() -> dict[str, str]:
    return {fold(name): name for name in available_timezones()}
