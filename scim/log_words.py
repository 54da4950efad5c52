"""SCIM calls in the words of an organization's admins."""

import json
import re
from contextlib import suppress
from urllib.parse import parse_qs

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from scim.addresses import ALIAS_PATH, BASE_PATH
from scim.models import RequestLog

UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)

ACTIONS: dict[str, Promise] = {
    "user.list": gettext_lazy("List users"),
    "user.read": gettext_lazy("Read user"),
    "user.create": gettext_lazy("Create user"),
    "user.replace": gettext_lazy("Replace user"),
    "user.change": gettext_lazy("Change user"),
    "user.delete": gettext_lazy("Delete user"),
    "group.list": gettext_lazy("List groups"),
    "group.read": gettext_lazy("Read group"),
    "group.create": gettext_lazy("Push group"),
    "group.replace": gettext_lazy("Replace group"),
    "group.change": gettext_lazy("Change group"),
    "group.delete": gettext_lazy("Delete group"),
    "discovery": gettext_lazy("Read supported features"),
    "bulk": gettext_lazy("Several changes at once"),
}
LOOKUPS: dict[str, Promise] = {
    "user.list": gettext_lazy("Look up user"),
    "group.list": gettext_lazy("Look up group"),
}


def action(call: RequestLog) -> str:
    """What was requested, whether it was done or not."""
    words = (LOOKUPS if filter_of(call) else ACTIONS).get(call.operation) or ACTIONS.get(call.operation)
    return str(words) if words else _("Not a SCIM request")


def is_refused_change(call: RequestLog) -> bool:
    """Whether it was one of one person or group, and not carried out; of an organization."""
    noun, _dot, verb = call.operation.partition(".")
    is_change = noun in ("user", "group") and verb in ("create", "replace", "change", "delete")
    return is_change and call.status >= 400 and call.org_id is not None


def filter_of(call: RequestLog) -> str:
    """The filter in a query's URL; empty if there is none."""
    return parse_qs(call.path.partition("?")[2]).get("filter", [""])[0]


def short_path(call: RequestLog) -> str:
    """The path below the base URL, without the query string and without ids, which mean nothing to a reader."""
    path = call.path.partition("?")[0]
    for base in (BASE_PATH, ALIAS_PATH):
        path = path.removeprefix(base)
    return UUID.sub("…", path) or "/"


def duration(call: RequestLog) -> str:
    milliseconds = call.duration / 1000
    if milliseconds >= 1000:
        return _("%(seconds).1f s") % {"seconds": milliseconds / 1000}
    return _("%(milliseconds)s ms") % {"milliseconds": round(milliseconds) if milliseconds >= 1 else "< 1"}


def legible(text: str) -> str:
    """A body with its JSON indented."""
    with suppress(ValueError, RecursionError):  # cut off or not JSON: shown as it is
        text = json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    return text
