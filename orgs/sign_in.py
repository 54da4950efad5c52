"""Signing in with a password, and links for setting one."""

import threading
from collections.abc import Mapping
from typing import Any

import structlog
from axes.utils import reset as forget_failures
from django.conf import settings
from django.contrib.auth.tokens import PasswordResetTokenGenerator
from django.core.mail import EmailMessage
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode
from django.utils.translation import gettext as _

from orgs import people
from orgs.db.keys import fold
from orgs.models import User
from orgs.web.limits import Buckets

LINKS_TO_ONE_ADDRESS = 3  # an hour
LINKS_FROM_ONE_CLIENT = 30  # an hour: many people may share an IP address

log = structlog.get_logger(__name__)
links = Buckets()


class ResetLinks(PasswordResetTokenGenerator):
    """Links that also end with the account's sessions: on deactivation and deletion (SPEC U4)."""

    def _make_hash_value(self, user: User, timestamp: int) -> str:
        return f"{super()._make_hash_value(user, timestamp)}{user.session_epoch}"


reset_links = ResetLinks()


def password_link(user: User) -> str:
    """A URL where `user` can choose a password, valid for PASSWORD_RESET_TIMEOUT and one use."""
    uid = urlsafe_base64_encode(force_bytes(user.pk))
    path = reverse("set-password", kwargs={"uidb64": uid, "token": reset_links.make_token(user)})
    return settings.MUSTER_URL + path


def send_password_link(address: str, *, client: str) -> None:
    """Mail a link to set a password if an account that may sign in has this address; otherwise do nothing.

    Do nothing either if `client`, an IP address, or anybody for this address has asked too often: nobody's mailbox can
    be flooded from here. The caller learns nothing of this. A thread sends the mail: the answer takes the same time for
    an unknown address, and a mail server that is slow or down delays nobody.
    """
    if _too_often(("from", client), LINKS_FROM_ONE_CLIENT) or _too_often(("to", fold(address)), LINKS_TO_ONE_ADDRESS):
        log.warning("password_links_limited", client=client)
        return
    user = User.objects.filter(login_email=fold(address), active=True, deleted_at=None).first()
    if user is None:
        return
    words = {
        "user": user,
        "link": password_link(user),
        "portal": settings.MUSTER_URL,
        "days": settings.PASSWORD_RESET_TIMEOUT // 86400,
    }
    message = EmailMessage(
        subject=_("Set your password for Muster"),
        body=render_to_string("registration/set_password_mail.txt", words),
        to=[user.user_name],
    )
    threading.Thread(target=_send, args=(message,), name="mail").start()


def set_password(*, user: User, password: str) -> bool:
    """Set the password and lift any lock from failed attempts. Returns False if the account has been closed."""
    if not people.set_password(user=user, password=password):
        return False
    forget_failures(username=user.login_email)
    return True


def attempted_address(request: HttpRequest, credentials: Mapping[str, Any] | None) -> str:
    """The name under which failed attempts are counted (AXES_USERNAME_CALLABLE), compared without case."""
    typed = (credentials or request.POST).get("username")
    return fold(typed or "")[:255]


def _too_often(key: tuple[str, str], per_hour: int) -> bool:
    return links.take(key, rate=per_hour / 3600, burst=per_hour) > 0


def _send(message: EmailMessage) -> None:
    try:
        message.send()
    except Exception:  # nobody waits for the result, so the log has to report whatever goes wrong
        log.exception("mail.not_sent", subject=message.subject)
