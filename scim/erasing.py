"""Looks for somebody who was erased wherever others wrote about them (SPEC U5), and says of every text whether it may.

`COLUMNS` has every column of the database that holds text, and what erases a person from it or why it has nothing of
theirs; its steps are what the worker does, in that order. A test compares it with the database: whoever adds a column
decides here.

A worker begins minutes after the erasure, when whatever arrived before it has been written, and looks at nothing that
arrived later: that is about a new person. Each part is one short transaction, and the database knows how far it came.
"""

import email
import email.policy
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

import orjson
import structlog
from django.conf import settings
from django.contrib.messages.storage.session import SessionStorage
from django.db import connection, transaction
from django.db.models import Q, QuerySet

from groups_provisioning.actions import group_intake, imports
from groups_provisioning.engine.loading import microseconds, moment
from groups_provisioning.models import PushedGroup
from orgs import erasures, past, people
from orgs.db.keys import as_uuid, fold, id_at
from orgs.db.keyset import chunks
from orgs.models import Erasure, Session, User
from orgs.traces import GONE, Traces
from scim.mapping import groups, users
from scim.mapping.profiles import dialect

GRACE = timedelta(minutes=5)
"""After which whatever arrived before has been written: a request is logged once it is answered, from a queue."""
AT_ONCE = 2_000  # rows that one statement looks at
FIRST = UUID(int=0)
ERASED_PATH = "(erased)"  # in place of a path that shows the person

log = structlog.get_logger(__name__)


class Part(NamedTuple):
    """What one part of a step did. reached: the last id that it looked at; None if the step is done."""

    counts: erasures.Counts
    reached: UUID | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """run: does a part of it, from after this id on; None for what the command does itself, at once."""

    name: str
    run: Callable[[Erasure, Traces, UUID], Part] | None


def work(*, now: datetime, seconds: float) -> bool:
    """Work for so long on erasures that are not complete. Returns whether more is left to do now."""
    deadline = time.monotonic() + seconds
    while _next_part(now):
        if time.monotonic() > deadline:
            return True
    return False


@transaction.atomic
def _next_part(now: datetime) -> bool:
    """Do one part. Returns whether there was one."""
    erasure = erasures.next_one(before=now - GRACE)
    if erasure is None:
        return False
    name, after = erasure.step, erasure.reached
    if name not in STEPS:  # it begins, or another release has begun it
        name, after = next(iter(STEPS)), None
    run = STEPS[name].run
    assert run
    part = run(erasure, erasures.traces_of(erasure), after or FIRST)
    if part.reached is not None:
        erasures.go_on(erasure, step=name, reached=part.reached, counts=part.counts)
        return True
    names = list(STEPS)
    rest = names[names.index(name) + 1 :]
    erasures.go_on(erasure, step=rest[0] if rest else "", reached=None, counts=part.counts)
    if not rest:
        receipt = erasures.complete(erasure, at=now)
        receipt.write()
        log.info("person_erased", **receipt.told())
    return True


# --- The request log --------------------------------------------------------------------------------------------------

_END = """
SELECT id FROM scim_requestlog WHERE {whose} AND id > %(after)s AND id < %(until)s
ORDER BY id OFFSET %(rows)s - 1 LIMIT 1
"""
_LOGGED = """
SELECT l.id, l.operation, l.path, l.target, l.detail, l.agent, b.request, b.response
FROM scim_requestlog l LEFT JOIN scim_requestlogbody b ON b.id = l.id AND b.id > %(after)s AND b.id <= %(last)s
WHERE {whose} AND l.id > %(after)s AND l.id <= %(last)s AND {found}
"""
_TEXT = """(%(pattern)s = ''
    OR concat_ws(' ', l.path, l.target, l.detail, l.agent, b.request, b.response) ~* %(pattern)s)"""
_OWN = f"(l.target = %(target)s OR l.operation = 'user.create' AND l.status >= 400 AND {_TEXT})"
_CUT = """
UPDATE scim_requestlog l SET path = r.path, target = r.target, detail = '', agent = r.agent
FROM jsonb_to_recordset(%(rows)s) AS r (id uuid, path text, target text, agent text)
WHERE l.id = r.id
"""
_DROP_BODIES = "DELETE FROM scim_requestlogbody WHERE id = ANY(%(ids)s)"
_OF_THE_ORG, _OF_NOBODY = "org_id = %(org)s", "org_id IS NULL"


def _logged(
    erasure: Erasure, traces: Traces, after: UUID, whose: str, found: str
) -> tuple[list[tuple[Any, ...]], UUID | None]:
    """The next calls that may show the person, and the id up to which they were looked for; None at the end."""
    until = id_at(erasure.at + erasures.CLOCKS)
    about: dict[str, Any] = {
        "org": erasure.org_id,
        "after": after,
        "until": until,
        "rows": AT_ONCE,
        "target": traces.id,
        "pattern": traces.candidates(),
    }
    with connection.cursor() as cursor:
        cursor.execute(_END.format(whose=whose), about)
        last = cursor.fetchone()
        cursor.execute(_LOGGED.format(whose=whose, found=found), about | {"last": last[0] if last else until})
        return cursor.fetchall(), last and last[0]


def _former_names(erasure: Erasure, traces: Traces, after: UUID) -> Part:
    """Learn by what else the person was known, from calls about them: they may have been renamed, or refused first."""
    rows, reached = _logged(erasure, traces, after, _OF_THE_ORG, _OWN)
    for *_call, request, response in rows:
        for body in (request, response):
            erasures.learn(erasure, _named_in(body or "", traces))
    return Part({}, reached)


def _named_in(body: str, traces: Traces) -> list[str]:
    """What identifies the person in a body that is their resource."""
    try:
        resource = orjson.loads(body)
    except ValueError:
        return []
    if not isinstance(resource, dict):
        return []
    emails = resource.get("emails")
    values = [each.get("value") for each in emails if isinstance(each, dict)] if isinstance(emails, list) else []
    names = [each for each in (resource.get("userName"), resource.get("externalId"), *values) if isinstance(each, str)]
    is_theirs = resource.get("id") == traces.id or any(fold(name) in traces.known_by for name in names)
    return names if is_theirs else []


def _requests(erasure: Erasure, traces: Traces, after: UUID) -> Part:
    return _log_part(erasure, traces, after, _OF_THE_ORG)


def _requests_of_nobody(erasure: Erasure, traces: Traces, after: UUID) -> Part:
    """Calls without a valid token have no org."""
    return _log_part(erasure, traces, after, _OF_NOBODY)


def _log_part(erasure: Erasure, traces: Traces, after: UUID, whose: str) -> Part:
    """A call that shows the person keeps what it did and to which id. Both bodies go whole."""
    rows, reached = _logged(erasure, traces, after, whose, _TEXT)
    found = [row for row in rows if traces.found_in(*row[2:])]
    if not found:
        return Part({}, reached)
    cut = [
        {
            "id": id_,
            "path": _path(path, traces),
            "target": _target(operation, target, traces),
            "agent": "" if traces.found_in(agent) else agent,
        }
        for id_, operation, path, target, _detail, agent, _request, _response in found
    ]
    with connection.cursor() as cursor:
        cursor.execute(_CUT, {"rows": orjson.dumps(cut).decode()})
        cursor.execute(_DROP_BODIES, {"ids": [row[0] for row in found]})
        return Part({"scim_requestlog": len(found), "scim_requestlogbody": cursor.rowcount}, reached)


def _target(operation: str, target: str, traces: Traces) -> str:
    """An id, or the name of a group. A call about a person that was refused may have a name of theirs that is wrong."""
    keeps = as_uuid(target) or operation.startswith("group.")
    return target if target == traces.id or (keeps and not traces.found_in(target)) else ""


def _path(path: str, traces: Traces) -> str:
    """A path without its query, in which only the id may stand."""
    path = path.partition("?")[0]
    return ERASED_PATH if traces.found_in(path.replace(traces.id, "")) else path


# --- What others say of the person ------------------------------------------------------------------------------------

# Materialized, or all of an org would be looked through for each part.
_REFERENCES = """
WITH part AS MATERIALIZED (
    SELECT id, modified_at, attributes::text AS said FROM {table} WHERE org_id = %(org)s AND id > %(after)s {alive}
    ORDER BY id LIMIT %(rows)s
)
SELECT (SELECT id FROM part ORDER BY id DESC LIMIT 1), (SELECT count(*) FROM part), ARRAY(
    SELECT id FROM part WHERE modified_at <= %(until)s AND (%(pattern)s = '' OR said ~* %(pattern)s)
)
"""


def _people(erasure: Erasure, traces: Traces, after: UUID) -> Part:
    """Somebody may have them as manager, or in an attribute that nobody described."""
    ids, reached = _referring(erasure, traces, after, "orgs_user", "AND erased_at IS NULL AND NOT is_owner")
    found = User.objects.filter(id__in=ids)
    return Part({"orgs_user": _forget(erasure, traces, found, users, people.forget_another)}, reached)


def _groups(erasure: Erasure, traces: Traces, after: UUID) -> Part:
    """A group's own attributes may name its owner."""
    ids, reached = _referring(erasure, traces, after, "groups_provisioning_pushedgroup", "")
    found = PushedGroup.objects.filter(id__in=ids)
    return Part(
        {"groups_provisioning_pushedgroup": _forget(erasure, traces, found, groups, group_intake.forget_person)},
        reached,
    )


def _forget(erasure: Erasure, traces: Traces, found: QuerySet[Any], mapping: Any, write: Callable[..., None]) -> int:
    """Take the person out of the attributes of these resources. Returns how many had them.

    mapping: the module that knows what a resource's attributes are as facts. write: the command that stores them.
    """
    own, count = dialect(erasure.org.profile), 0
    for row in found.select_for_update(of=("self",), no_key=True).order_by("id"):
        left = traces.without(row.attributes)
        if left != row.attributes:
            row.attributes = {} if left is GONE else left
            facts = mapping.facts_of(mapping.resource_of(row, own), own)
            write(row, attributes=facts.attributes, folded=facts.folded)
            count += 1
    return count


def _referring(erasure: Erasure, traces: Traces, after: UUID, table: str, alive: str) -> tuple[list[UUID], UUID | None]:
    """The next resources that may refer to the person, and up to which id they were looked for; None at the end.

    One that was written after the erasure says what it says of somebody new.
    """
    about: dict[str, Any] = {
        "org": erasure.org_id,
        "after": after,
        "rows": AT_ONCE,
        "until": erasure.at,
        "pattern": traces.candidates(),
    }
    with connection.cursor() as cursor:
        cursor.execute(_REFERENCES.format(table=table, alive=alive), about)
        last, rows, ids = cursor.fetchone()
    return ids, last if rows == AT_ONCE else None


def _past(erasure: Erasure, traces: Traces, after: UUID) -> Part:
    """Whoever refers to them may have said it in other words before."""
    count, reached = past.forget_in_others(erasure, traces, moment(after.int))
    return Part({"orgs_past": count}, None if reached is None else UUID(int=microseconds(reached)))


# --- Everything that is small -----------------------------------------------------------------------------------------


def _small_tables(erasure: Erasure, traces: Traces, after: UUID) -> Part:
    """Once more what the command did at once: the log's writer may have noted something since."""
    erasures.look_again(erasure)
    return Part({})


def _imports(erasure: Erasure, traces: Traces, after: UUID) -> Part:
    """Rows of the last days' imports; one that still waits to be carried out is not."""
    rows = imports.forget_person(erasure.org_id, traces, reference=erasures.reference(erasure))
    return Part({"groups_provisioning_importrow": rows})


def _sessions(erasure: Erasure, traces: Traces, after: UUID) -> Part:
    """Theirs, and messages that name them and that nobody has seen yet: admins of their org, or support."""
    called = erasures.called(erasure)
    count = Session.objects.filter(user=erasure.user_id).delete()[0]
    others = Session.objects.filter(Q(user__in=User.objects.for_org(erasure.org_id)) | Q(user__is_staff=True))
    for chunk in chunks(others, ("session_key", "session_data"), tie="session_key"):
        for key, data in chunk:
            told = Session(session_data=data).get_decoded()
            if _is_named(str(told.pop(SessionStorage.session_key, "")), called, traces):
                row = Session.objects.filter(session_key=key, session_data=data)
                count += row.update(session_data=Session.objects.encode(told))
    return Part({"orgs_session": count})


def _mails(erasure: Erasure, traces: Traces, after: UUID) -> Part:
    """Mails that were written to files on this machine, instead of being sent."""
    if not settings.EMAIL_BACKEND.endswith("filebased.EmailBackend"):
        return Part({})
    called = erasures.called(erasure)
    written = Path(settings.EMAIL_FILE_PATH).glob("*.log")
    found = [file for file in written if _is_named(_mail_text(file.read_bytes()), called, traces)]
    for file in found:
        file.unlink()
    return Part({"mail files": len(found)})


def _mail_text(raw: bytes) -> str:
    """All mails of a file, decoded. Django writes a line of hyphens after each."""
    texts = []
    for part in raw.split(b"-" * 79 + b"\n"):
        message = email.message_from_bytes(part, policy=email.policy.default)
        assert isinstance(message, EmailMessage)
        texts += [str(value) for value in message.values()]
        texts += [each.get_content() for each in message.walk() if each.get_content_maintype() == "text"]
    return "\n".join(texts)


def _is_named(text: str, called: list[str], traces: Traces) -> bool:
    folded = fold(text)
    return traces.found_in(text) or any(name in folded for name in called)


# --- Every text there is ----------------------------------------------------------------------------------------------

BY_THE_COMMAND = Step("the command", None)
FORMER_NAMES = Step("former names", _former_names)
REQUESTS = Step("requests", _requests)
REQUESTS_OF_NOBODY = Step("requests of nobody", _requests_of_nobody)
PEOPLE = Step("people", _people)
GROUPS = Step("groups", _groups)
PAST = Step("past", _past)
SMALL_TABLES = Step("small tables", _small_tables)
IMPORTS = Step("imports", _imports)
SESSIONS = Step("sessions", _sessions)
MAILS = Step("mails", _mails)

CHOSEN = "one of a fixed list"
CODE = "written by Django about the code"
ROLES = "keys of a profile's roles"
OPERATOR = "the operator's words about a product"
CUSTOMER = "about the organization as a whole"
ADMINS = "what an admin calls something that is nobody's own"
IDP = "what the identity provider calls a group"
CLIENT = "the program that the identity provider runs, and its address"
OWN_SESSION = "of a session of their own, which ended with the account"
ROWS = "made of ids and numbers"

Decision = Step | tuple[Step, ...] | str
COLUMNS: Mapping[str, Mapping[str, Decision]] = {
    "api_attempt": {"error": CHOSEN, "message": "a hash"},
    "api_endpoint": {
        "disabled_reason": CHOSEN,
        "kinds": CHOSEN,
        "previous_secret": "random",
        "secret": "random",
        "url": CUSTOMER,
    },
    "auth_group": {"name": CODE},
    "auth_permission": {"codename": CODE, "name": CODE},
    "django_admin_log": {
        "change_message": "the verb of a change, or names of fields",
        "object_id": ROWS,
        "object_repr": SMALL_TABLES,
    },
    "django_content_type": {"app_label": CODE, "model": CODE},
    "django_migrations": {"app": CODE, "name": CODE},
    "groups_provisioning_endedmapping": {"reason": CHOSEN, "status": CHOSEN},
    "groups_provisioning_breach": {"rules": CHOSEN, "state": CHOSEN},
    "groups_provisioning_excess": {"limits": CHOSEN},
    "groups_provisioning_hold": {"kept": ROWS},
    "groups_provisioning_taken": {"roles": ROLES},
    "groups_provisioning_import": {"door": CHOSEN, "name": "of a file, as an admin called it", "phase": CHOSEN},
    "groups_provisioning_importrow": {
        "external_id": IMPORTS,
        "facts": IMPORTS,
        "group": IDP,
        "name": IMPORTS,
        "name_key": IMPORTS,
        "reference": IMPORTS,
        "told": IMPORTS,
        "verdict": CHOSEN,
    },
    "groups_provisioning_mapping": {"kind": CHOSEN, "reason": CHOSEN, "role": ROLES, "status": CHOSEN},
    "groups_provisioning_mappingrule": {"kind": CHOSEN, "pattern": ADMINS, "pattern_type": CHOSEN, "role": ROLES},
    "groups_provisioning_membership": {"kind": CHOSEN, "source": CHOSEN},
    "groups_provisioning_preview": {"fingerprint": "a hash", "summary": ROWS, "wish": ROWS},
    "groups_provisioning_pushedgroup": {
        "attributes": GROUPS,
        "display_name": IDP,
        "display_name_key": IDP,
        "extension_urn": "an alias from the schema profile",
        "external_id": IDP,
        "folded": GROUPS,
        "reference": IDP,
        "roles": ROLES,
    },
    "groups_provisioning_startingrule": {"kind": CHOSEN, "pattern": OPERATOR, "pattern_type": CHOSEN, "role": ROLES},
    "orgs_apikey": {
        "digest": "a hash",
        "hint": "the end of a secret",
        "last_used_agent": CLIENT,
        "name": ADMINS,
        "scopes": CHOSEN,
    },
    "orgs_change": {"detail": SMALL_TABLES, "door": CHOSEN, "verb": CHOSEN},
    "orgs_entity": {"former_keys": ADMINS, "kind": CHOSEN, "name": ADMINS, "name_key": ADMINS},
    "orgs_erasure": {
        "counts": ROWS,
        "name_digest": "a keyed hash",
        "step": CHOSEN,
        "traces": "null once the erasure is complete, says a constraint",
    },
    "orgs_feedhead": {"timeline": "a number of PostgreSQL's"},
    "orgs_identitylink": {"issuer": CUSTOMER, "subject": BY_THE_COMMAND},
    "orgs_invitation": {
        "address": SMALL_TABLES,
        "address_key": SMALL_TABLES,
        "digest": "a hash of random bits",
        "ending": CHOSEN,
        "roles": ROLES,
    },
    "orgs_ledgerentry": {"now": SMALL_TABLES, "slot": CHOSEN, "was": "ids, roles, states, and names of attributes"},
    "orgs_mail": {
        "address": SMALL_TABLES,
        "address_key": SMALL_TABLES,
        "content": SMALL_TABLES,
        "error": SMALL_TABLES,
        "kind": CHOSEN,
        "state": CHOSEN,
    },
    "orgs_mailchoices": {"times": CHOSEN},
    "orgs_mailedmatter": {"key": ROWS},
    "orgs_matter": {"detail": SMALL_TABLES, "kind": CHOSEN, "subject": SMALL_TABLES, "subject_key": SMALL_TABLES},
    "orgs_organization": {
        "hold_limits": CHOSEN,
        "name": CUSTOMER,
        "name_key": CUSTOMER,
        "plan": CHOSEN,
        "slug": CUSTOMER,
    },
    "orgs_orgdeletion": {
        "name": CUSTOMER,
        "reached": "a key of a row",
        "slug": CUSTOMER,
        "stage": "the name of a table",
    },
    "orgs_past": {"kind": CHOSEN, "row": "a key of a row", "was": (BY_THE_COMMAND, PAST)},
    "orgs_pendingdomain": {"name": CUSTOMER, "token": "random"},
    "orgs_profileattribute": {
        "carrier": CHOSEN,
        "description": OPERATOR,
        "name": OPERATOR,
        "name_key": OPERATOR,
        "type": CHOSEN,
    },
    "orgs_proposal": {"fingerprint": "a hash", "reason": SMALL_TABLES, "state": CHOSEN, "wish": SMALL_TABLES},
    "orgs_recoverycode": {"digest": "a hash of random bits"},
    "orgs_role": {"key": OPERATOR},
    "orgs_schemaprofile": {
        "group_extension": OPERATOR,
        "group_extension_aliases": OPERATOR,
        "group_role_attribute": OPERATOR,
        "key": OPERATOR,
        "name": OPERATOR,
        "placement_attribute": OPERATOR,
        "role_attribute": OPERATOR,
        "role_policy": CHOSEN,
        "user_extension": OPERATOR,
        "user_extension_aliases": OPERATOR,
    },
    "orgs_scimtoken": {
        "digest": "a hash",
        "hint": "the end of a secret",
        "idp": CHOSEN,
        "last_used_agent": CLIENT,
        "name": ADMINS,
        "networks": CUSTOMER,
    },
    "orgs_secondfactor": {
        "credential_id": "random, and the row goes with the account",
        "key": "random and sealed",
        "kind": CHOSEN,
        "name": BY_THE_COMMAND,
        "public_key": "made for this account alone, with which the row goes",
    },
    "orgs_session": {
        "agent": OWN_SESSION,
        "provider_session": OWN_SESSION,
        "session_data": SESSIONS,
        "session_key": "a hash of random bits",
    },
    "orgs_setuplink": {
        "browser": "a hash of random bits",
        "digest": "a hash of random bits",
        "purpose": CHOSEN,
        "recipient": SMALL_TABLES,
    },
    "orgs_signinfailures": {"client": "an IP address", "subject": SMALL_TABLES},
    "orgs_ssosignin": {
        "address": "an IP address",
        "detail": SMALL_TABLES,
        "name": SMALL_TABLES,
        "reason": CHOSEN,
    },
    "orgs_standing": {"roles": ROLES},
    "orgs_turn": {"held_reason": "an error of the engine, which reads ids and roles; its first line quotes no row"},
    "orgs_user": {
        "attributes": (BY_THE_COMMAND, PEOPLE),
        "display_name": BY_THE_COMMAND,
        "email_keys": BY_THE_COMMAND,
        "extension_urn": "an alias from the schema profile",
        "external_id": BY_THE_COMMAND,
        "family_name": BY_THE_COMMAND,
        "folded": (BY_THE_COMMAND, PEOPLE),
        "given_name": BY_THE_COMMAND,
        "idp_roles": ROLES,
        "login_email": BY_THE_COMMAND,
        "manual_roles": ROLES,
        "password": "a hash, and none once the account was deleted",
        "reference": BY_THE_COMMAND,
        "time_zone": CHOSEN,
        "user_name": BY_THE_COMMAND,
        "user_name_key": BY_THE_COMMAND,
    },
    "orgs_verifieddomain": {"name": CUSTOMER, "token": "random"},
    "scim_idpday": {"idp": CHOSEN},
    "scim_filtercopies": {"description": "a hash", "kind": CHOSEN},
    "scim_requestlog": {
        "agent": (REQUESTS, REQUESTS_OF_NOBODY),
        "detail": (REQUESTS, REQUESTS_OF_NOBODY),
        "method": "an HTTP method",
        "operation": CHOSEN,
        "path": (REQUESTS, REQUESTS_OF_NOBODY),
        "scim_type": CHOSEN,
        "target": (REQUESTS, REQUESTS_OF_NOBODY),
    },
    "scim_requestlogbody": {"request": REQUESTS, "response": REQUESTS},
    "sso_issuerdocument": {
        "body": "what an identity provider publishes of itself",
        "detail": "what is wrong with that",
        "failure": CHOSEN,
        "url": CUSTOMER,
    },
    "sso_connection": {"certificate": CUSTOMER, "idp": CHOSEN, "key": CUSTOMER, "protocol": CHOSEN},
    "sso_revision": {
        "certificates": CUSTOMER,
        "client_id": CUSTOMER,
        "client_secret": CUSTOMER,
        "external_id_claim": CUSTOMER,
        "issuer": CUSTOMER,
        "metadata_detail": CUSTOMER,
        "metadata_failure": CHOSEN,
        "metadata_url": CUSTOMER,
        "name_claim": CUSTOMER,
        "protocol": CHOSEN,
        "sso_url": CUSTOMER,
        "state": CHOSEN,
    },
    "sso_seentoken": {"key": "a hash"},
}
"""Every column of text, by table: what erases a person from it, or why it has nothing of theirs."""


def steps_of(decision: Decision) -> tuple[Step, ...]:
    """What erases a person from a column; empty if nothing has to."""
    return () if isinstance(decision, str) else (decision,) if isinstance(decision, Step) else decision


_NAMED = (step for columns in COLUMNS.values() for decision in columns.values() for step in steps_of(decision))
STEPS: Mapping[str, Step] = {step.name: step for step in (FORMER_NAMES, PEOPLE, *_NAMED, MAILS) if step.run}
"""What a worker does, in this order: the names of before come first, what people and groups have goes before what they
had, and what is no table comes last.
"""
