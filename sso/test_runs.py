"""Test runs of a configuration: all the way to the identity provider and back, and nobody is signed in (SPEC L3)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from orgs.models import User
from sso import identification, journeys
from sso.identities import Identity
from sso.journeys import Journey
from sso.models import Connection, Revision
from sso.refusals import Refused


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came, and what it would come to. Kept nowhere: it is about a person.

    identity: None where nothing could be trusted. passed: whether this configuration counts as tested. person: who
    would be signed in; None if refused, or if they would be made. refused: why not.
    """

    identity: Identity | None
    passed: bool
    person: User | None
    refused: Refused | None


def finish(
    journey: Journey,
    *,
    connection: Connection,
    parameters: Mapping[str, Sequence[str]],
    now: datetime,
    counts: bool = True,
) -> Outcome:
    """What the browser brought back from a test run, once. parameters: all values of each.

    counts: whether the configuration counts as tested if it passes; not if no admin sees what came (SPEC L8).

    The configuration counts as tested if a trusted token has a userName, and the externalId where it should, whoever
    it is: it is often nobody in the org who sets the connection up. May take forty seconds, for which no transaction
    should be open.
    """
    try:
        identity = journeys.arrive(journey, connection=connection, parameters=parameters, now=now)
    except Refused as refused:
        return Outcome(None, False, None, refused)
    found = Revision.objects.for_org(connection.org_id).select_related("connection__org")
    revision = found.get(id=journey.revision_id)
    passed = False
    try:
        identification.user_name(connection.org, identity.claims, claim=revision.user_name_claim)
        identification.external_id(identity.claims, claim=revision.external_id_claim)
        passed = _passed(journey, connection, now, counts)
        meant = identification.meant_by(identity, revision=revision, now=now)
        return Outcome(identity, passed, meant.person, None)
    except Refused as refused:
        return Outcome(identity, passed, None, refused)


def _passed(journey: Journey, connection: Connection, now: datetime, counts: bool) -> bool:
    """Unless the configuration was changed since the journey began."""
    same = Revision.objects.for_org(connection.org_id).filter(id=journey.revision_id, changed_at=journey.changed_at)
    return same.update(tested_at=now) > 0 if counts else same.exists()
