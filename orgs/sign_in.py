"""Signing in with a password, and links to set one."""

from django.conf import settings
from django.contrib.auth.tokens import PasswordResetTokenGenerator
from django.urls import reverse
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode

from orgs.models import User


class ResetLinks(PasswordResetTokenGenerator):
    """Links that also end with the account's sessions: on deactivation and deletion (SPEC U4)."""

    def _make_hash_value(self, user: User, timestamp: int) -> str:
        return f"{super()._make_hash_value(user, timestamp)}{user.session_epoch}"


reset_links = ResetLinks()


def password_link(user: User) -> str:
    """An address where `user` can choose a password, good for PASSWORD_RESET_TIMEOUT and one use."""
    uid = urlsafe_base64_encode(force_bytes(user.pk))
    path = reverse("set-password", kwargs={"uidb64": uid, "token": reset_links.make_token(user)})
    return settings.MUSTER_URL + path
