"""What becomes of a file's rows, and what is wrong with a file, in words (SPEC E6)."""

from collections.abc import Mapping
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

_WHY: Mapping[str, Promise] = {
    "invalid": gettext_lazy("%(detail)s"),
    "no_object": gettext_lazy("This is not a JSON object."),
    "cells": gettext_lazy("The row has %(cells)d cells, and the header %(columns)d."),
    "formula": gettext_lazy("“%(column)s” begins with an equals sign: export the value instead of the formula."),
    "characters": gettext_lazy("“%(column)s” has characters that cannot be stored, such as NUL."),
    "missing": gettext_lazy("“%(column)s” is empty."),
    "too_long": gettext_lazy("“%(column)s” is longer than %(most)d characters."),
    "repeated": gettext_lazy("Row %(place)d has the same %(by)s. Keep one of the two."),
    "same": gettext_lazy("Row %(place)d is about the same one already."),
    "deleted": gettext_lazy(
        "This person was deleted or erased. They come back when an identity provider creates them, not by an import."
    ),
    "domain": gettext_lazy("The userName is in none of the organization's domains: %(domains)s."),
    "immutable": gettext_lazy("The userName of %(was)s cannot change."),
    "admin": gettext_lazy("The role %(role)s administers the organization, and whoever imports may not give it."),
    "admin_group": gettext_lazy(
        "The group gives its members the role that administers the organization, and whoever imports may not give it."
    ),
    "groups_off": gettext_lazy("Group provisioning is switched off."),
    "no_group": gettext_lazy("There is no group with this id, externalId or displayName. Import groups first."),
    "no_member": gettext_lazy("There is nobody with this id, externalId or userName. Import people first."),
    "several_groups": gettext_lazy("Several groups may be meant. Name the group by its id."),
    "several_members": gettext_lazy("Several people may be meant. Name the person by their id."),
    "pushed": gettext_lazy("Your identity provider has pushed this group, and says who its members are."),
    "nested": gettext_lazy("This is a group inside a group. It assigns nobody."),
    "address": gettext_lazy("Somebody was added by hand with this address: %(by)s. Give their userName if it is them."),
    "several": gettext_lazy("Several may be meant: %(by)s. Correct the row, or remove what does not fit."),
}
"""Why a row is refused or ambiguous, by the word for it."""

_FILE: Mapping[str, Promise] = {
    "empty": gettext_lazy("The file has no rows."),
    "too_large": gettext_lazy("A single resource is too large."),
    "too_many": gettext_lazy("The file has more than %(most)d people, groups and memberships. Split it."),
    "encoding": gettext_lazy("The file is not UTF-8. In Excel, save it as “CSV UTF-8”."),
    "csv": gettext_lazy("This is not CSV: %(detail)s. A quotation mark may be missing, or too many."),
    "json": gettext_lazy("This is not JSON from here on."),
    "header": gettext_lazy(
        "The first row has to name the columns: userName for people, displayName for groups, group and member for "
        "memberships. It has: %(columns)s."
    ),
    "column": gettext_lazy(
        "There is no attribute “%(column)s”. Rename the column, or remove it. Usual columns: %(columns)s."
    ),
    "column_twice": gettext_lazy("The column “%(column)s” is there twice."),
}
"""Why a file cannot be read."""


def row(told: Mapping[str, Any]) -> str:
    """Why a row is refused or ambiguous, or what changes by it."""
    why = told.get("why", "")
    if why in _WHY:
        about = dict(told)
        if "by" in about and not isinstance(about["by"], str):
            about["by"] = ", ".join(f"{name} ({by})" for by, name in about["by"])
        if "domains" in about:
            about["domains"] = ", ".join(about["domains"])
        return str(_WHY[why]) % about
    words = []
    if changes := told.get("changes"):
        words.append(", ".join(changes))
    if why == "managed":
        words.append(_("an identity provider manages the rest"))
    return "; ".join(words)


def file(why: str, place: int | None, about: Mapping[str, Any]) -> str:
    """Why a file cannot be read."""
    about = {key: ", ".join(value) if isinstance(value, list | tuple) else value for key, value in about.items()}
    words = str(_FILE[why]) % about
    return _("Row %(place)d: %(words)s") % {"place": place, "words": words} if place else words
