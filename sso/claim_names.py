"""By which names an identity provider may say who somebody is, for whatever asks an admin for them."""

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _


def check_claim(name: str) -> None:
    """Of OpenID Connect. Raises ValidationError."""
    if not name.isprintable() or " " in name:
        raise ValidationError(_("A claim has a name without spaces, such as preferred_username."))


def check_attribute(name: str) -> None:
    """Of SAML. Raises ValidationError."""
    if name == "email":
        raise ValidationError(
            _("SAML cannot say whether an address is verified. Have the userName sent under another name.")
        )
