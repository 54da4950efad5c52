"""Mail domains of an org: asking for one, proving it by the DNS, and what support vouches for (SPEC O6)."""

from typing import Any
from uuid import UUID

from django.utils import timezone
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.status import HTTP_204_NO_CONTENT

from api.base import Answer, CredentialsView
from api.description import describes
from api.serializers import CommandQuery, Exact
from orgs import domains
from orgs.domains import RECORD_NAME, UnknownDomain
from orgs.models import Organization, PendingDomain, VerifiedDomain

MOST = 500  # that support can list at once


class DomainNames(Exact):
    names = serializers.ListField(child=serializers.CharField(max_length=domains.LONGEST + 1), max_length=MOST)


class RecordState(serializers.Serializer[Any]):
    """The TXT record that proves a domain."""

    name = serializers.CharField()
    value = serializers.CharField()


class DomainState(serializers.Serializer[Any]):
    """by_dns: proved by the record, which is null where it is not known. gone_since: since when the DNS lacks it.
    found_at: when it was seen, of a domain that is not verified yet.
    """

    name = serializers.CharField()
    verified = serializers.BooleanField()
    verified_at = serializers.DateTimeField(allow_null=True)
    by_dns = serializers.BooleanField()
    gone_since = serializers.DateTimeField(allow_null=True)
    asked_at = serializers.DateTimeField(allow_null=True)
    found_at = serializers.DateTimeField(allow_null=True)
    record = RecordState(allow_null=True)


class DomainsPage(serializers.Serializer[Any]):
    """All domains."""

    items = DomainState(many=True)


class DomainList(CredentialsView):
    """Verified and pending ones."""

    @describes("List domains", answer=DomainsPage)
    def get(self, request: Request, org: UUID) -> dict[str, Any]:
        """Verified and pending ones."""
        return _listed(self.org)

    @describes(
        "Replace the verified domains",
        body=DomainNames,
        answer=DomainsPage,
        problems=("operator-only", "not-a-domain"),
        previews=True,
    )
    def put(self, request: Request, org: UUID) -> Answer:
        """Make exactly these the verified ones, on the operator's authority."""
        self.for_the_operator()
        names = self.body(request, DomainNames)["names"]

        def keep() -> dict[str, Any]:
            domains.keep(org=self.org, names=names, cause=self.cause)
            return _listed(self.org)

        return self.carry_out(request, keep)


class DomainDetail(CredentialsView):
    @describes("Read a domain", answer=DomainState, problems=("not-a-domain", "unknown-domain"))
    def get(self, request: Request, org: UUID, name: str) -> dict[str, Any]:
        return _domain(self.org, _folded(name))

    @describes("Ask for a domain", answer=DomainState, problems=("not-a-domain", "too-many-pending"), previews=True)
    def put(self, request: Request, org: UUID, name: str) -> Answer:
        """Ask for it: the answer has the record to set in the DNS. One that is there already stays as it is."""
        return self.carry_out(
            request, lambda: _domain(self.org, domains.ask(org=self.org, name=name, cause=self.cause))
        )

    @describes("Remove a domain", status=204, problems=("not-a-domain", "unknown-domain"), previews=True)
    def delete(self, request: Request, org: UUID, name: str) -> Answer:
        return self.carry_out(
            request,
            lambda: domains.remove(org=self.org, name=_folded(name), cause=self.cause),
            status=HTTP_204_NO_CONTENT,
        )


class DomainVerification(CredentialsView):
    """The DNS is asked before anything is changed, and not for a preview, which says what comes of a right record."""

    @describes(
        "Verify a domain",
        answer=DomainState,
        problems=("not-a-domain", "unknown-domain", "not-proven", "unanswered"),
        previews=True,
    )
    def post(self, request: Request, org: UUID, name: str) -> Answer:
        """By its record in the DNS, which is asked before anything is changed, and not for a preview."""
        name = _folded(name)
        verified = VerifiedDomain.objects.for_org(self.org).filter(name=name).first()
        asks = not self.asked(request, CommandQuery)["preview"]
        if verified is None and asks:
            domains.verify(org=self.org, name=name, cause=self.cause)
        elif verified is not None and verified.gone_since is not None and asks:
            domains.read_again(verified, at=timezone.now())

        def verify() -> dict[str, Any]:
            if verified is None and not asks:
                domains.prove(org=self.org, name=name, cause=self.cause)
            return _domain(self.org, name)

        return self.carry_out(request, verify)


def _folded(name: str) -> str:
    """Raises NotADomain: what an address names may be any text."""
    (folded,) = domains.check_names([name])
    return folded


def _listed(org: Organization) -> dict[str, Any]:
    rows: list[VerifiedDomain | PendingDomain] = [
        *VerifiedDomain.objects.for_org(org),
        *PendingDomain.objects.for_org(org),
    ]
    return {"items": [_told(row) for row in rows]}


def _domain(org: Organization, name: str) -> dict[str, Any]:
    found = (
        VerifiedDomain.objects.for_org(org).filter(name=name).first()
        or PendingDomain.objects.for_org(org).filter(name=name).first()
    )
    if found is None:
        raise UnknownDomain(name)
    return _told(found)


def _told(domain: VerifiedDomain | PendingDomain) -> dict[str, Any]:
    record = {"name": f"{RECORD_NAME}.{domain.name}", "value": domains.record_value(domain)} if domain.token else None
    absent = dict.fromkeys(("verified_at", "gone_since", "asked_at", "found_at"))
    known = absent | {name: value for name, value in vars(domain).items() if name in absent}
    proved = {"verified": isinstance(domain, VerifiedDomain), "by_dns": getattr(domain, "by_dns", False)}
    return DomainState().to_representation({"name": domain.name, "record": record} | proved | known)
