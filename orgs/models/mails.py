"""The outbox of mails, what each admin wants to be mailed, and what they were mailed already."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from orgs.db.keys import FoldedField, uuid7
from orgs.db.sealed import SealedField
from orgs.db.tenancy import TenantKey, TenantQuerySet, tenant
from orgs.models.organizations import Organization


class MailKind(models.TextChoices):
    """What a mail is about."""

    TOKEN = "token", _("A new SCIM token")
    SETUP_LINK = "setup_link", _("A setup link")
    SINGLE_SIGN_ON = "sso", _("A change of single sign-on")
    ACCESS = "access", _("Who has access")
    WEBHOOK = "webhook", _("A webhook that was disabled")
    OWNER = "owner", _("The owner account")
    SECOND_FACTOR = "factor", _("A second factor")
    INVITATION = "invitation", _("An invitation")
    PASSWORD = "password", _("A link to set a password")
    SIGN_IN = "sign_in", _("Where to sign in")
    LAST_ADMIN = "last_admin", _("An organization without an admin")
    MATTERS = "matters", _("What needs attention, at once")
    DIGEST = "digest", _("What needs attention, daily")


class MailState(models.TextChoices):
    WAITING = "waiting", _("Waiting")
    SENT = "sent", _("Sent")
    """The mail server has taken it."""
    REFUSED = "refused", _("Refused")
    """The mail server does not take it, and it is not tried again."""


class Mail(models.Model):
    """A mail to one address. Written by `orgs.outbox` alone.

    id: also makes its Message-ID, so that whoever gets a copy knows it as one. org: null for support. person: whose
    account it is written to, if there is one. about: the id of what it tells of, by which it is taken back. content:
    subject and text as JSON, sealed while it waits and empty afterwards, since it may have a link that signs in; empty
    too where somebody typed the address and asked for a mail that is still to be written (`is_question`).
    due_at: when it is tried next, and, while somebody tries it, until when nobody else does. tries: answers that put it
    off; error: what the mail server said last.
    """

    id = models.UUIDField(_("ID"), primary_key=True, default=uuid7, editable=False)
    org = models.ForeignKey(
        Organization,
        on_delete=models.PROTECT,
        null=True,
        related_name="+",
        db_index=False,
        db_constraint=False,
        verbose_name=_("organization"),
    )
    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    kind = models.CharField(_("about"), max_length=10, choices=MailKind.choices)
    about = models.UUIDField(null=True)
    address = models.CharField(max_length=254)
    address_key = FoldedField("address")
    content = SealedField(blank=True, default="")
    state = models.CharField(_("status"), max_length=7, choices=MailState.choices, default=MailState.WAITING)
    written_at = models.DateTimeField()
    due_at = models.DateTimeField()
    settled_at = models.DateTimeField(null=True)
    tries = models.PositiveSmallIntegerField(_("failed attempts"), default=0)
    error = models.CharField(_("mail server said"), max_length=200, blank=True, default="")

    objects = TenantQuerySet["Mail"].as_manager()

    class Meta:
        ordering = ("-id",)
        verbose_name = _("mail")
        verbose_name_plural = _("mails")
        constraints: ClassVar = [
            TenantKey(field="person", name="mail_person"),
            models.CheckConstraint(
                condition=Q(state=MailState.WAITING, settled_at=None)
                & (~Q(content="") | Q(kind__in=[MailKind.PASSWORD, MailKind.SIGN_IN]))
                | Q(state__in=[MailState.SENT, MailState.REFUSED], settled_at__isnull=False, content=""),
                name="mail_keeps_its_content_while_it_waits",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["org", "address_key"], name="mail_of_org"),
            models.Index(fields=["due_at", "id"], condition=Q(state=MailState.WAITING), name="mail_waiting"),
            models.Index(
                fields=["about"], condition=Q(state=MailState.WAITING, about__isnull=False), name="mail_waiting_about"
            ),
        ]

    def __str__(self) -> str:
        return str(self.pk)

    @property
    def is_question(self) -> bool:
        """Whether it is still to be found out who, if anybody, has the address, and what they are mailed."""
        return self.state == MailState.WAITING and self.content == ""


class MailTime(models.TextChoices):
    """When somebody is mailed of what needs attention."""

    AT_ONCE = "now", _("At once")
    DAILY = "daily", _("Daily")
    NEVER = "never", _("Never")


class MailChoices(models.Model):
    """What somebody chose to be mailed of what needs attention. Written by `orgs.mail_choices` alone.

    times: kinds of matters and a MailTime each, as far as they are not the usual ones.
    """

    person = models.OneToOneField(
        settings.AUTH_USER_MODEL,
        primary_key=True,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        related_name="mail_choices",
    )
    org = tenant()
    times = models.JSONField(default=dict)

    objects = TenantQuerySet["MailChoices"].as_manager()

    class Meta:
        constraints: ClassVar = [TenantKey(field="person", name="mail_choices_person")]
        indexes: ClassVar = [models.Index(fields=["org"], name="mail_choices_of_org")]

    def __str__(self) -> str:
        return str(self.pk)


class MatterRound(models.Model):
    """When an org's matters were last looked at, to mail what is new. Written by `orgs.matter_mail` alone.

    digest_at: when its last daily mails were written.
    """

    org = models.OneToOneField(Organization, primary_key=True, on_delete=models.PROTECT, related_name="matter_round")
    looked_at = models.DateTimeField(db_index=True)
    digest_at = models.DateTimeField()

    objects = TenantQuerySet["MatterRound"].as_manager()

    def __str__(self) -> str:
        return str(self.pk)


class MailedMatter(models.Model):
    """A matter that is open, and of which those who want it at once were mailed. Written by `orgs.matter_mail` alone.

    key: `OpenMatter.key`. seen_at: when it was last found open. in_digest: whether a daily mail had it.
    """

    org = tenant()
    key = models.CharField(max_length=120)
    opened_at = models.DateTimeField()
    seen_at = models.DateTimeField()
    in_digest = models.BooleanField(default=False)

    objects = TenantQuerySet["MailedMatter"].as_manager()

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["org", "key"], name="mailed_matter_once")]

    def __str__(self) -> str:
        return self.key
