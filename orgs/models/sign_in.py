"""What is remembered of attempts to sign in."""

from typing import ClassVar

from django.db import models


class SignInFailures(models.Model):
    """How often signing in has failed lately, and until when further attempts wait (SPEC L1).

    subject: a folded address, with the client's IP address; or an account, over all clients. What stands in for the
    accounts of an address that has none is written in the same way, so that it takes as long.
    """

    subject = models.CharField(max_length=300, db_collation="C")
    client = models.CharField(max_length=45, blank=True, db_collation="C")
    failures = models.PositiveIntegerField()
    last_at = models.DateTimeField()
    waits_until = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["subject", "client"], name="sign_in_failures_once")]
        indexes: ClassVar = [models.Index(fields=["last_at"], name="sign_in_failures_last_at")]

    def __str__(self) -> str:
        return self.subject
