"""What single sign-on keeps."""

from django.db import models


class IssuerDocument(models.Model):
    """What an identity provider publishes at an address, kept for all processes. Written by `sso.issuers` alone.

    body: as it was answered at `read_at`; null while it was never read. asked_at: when it was last asked for. failure,
    detail: why the last request for it was refused, a `sso.refusals.Reason`; empty where it was not.
    """

    url = models.CharField(max_length=2048, primary_key=True, db_collation="C")
    body = models.BinaryField(null=True)
    read_at = models.DateTimeField(null=True)
    asked_at = models.DateTimeField()
    failure = models.CharField(max_length=40, default="", blank=True)
    detail = models.CharField(max_length=300, default="", blank=True)

    def __str__(self) -> str:
        return self.url
