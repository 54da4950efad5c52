"""Accounts of an org, which support switches by the command that its admins use (SPEC U12)."""

from django.contrib import admin
from django.utils.translation import gettext as _

from groups_provisioning.actions import account_switches
from orgs.admin.people import SwitchRefused, UserAdmin
from orgs.history import Cause
from orgs.models import User
from orgs.people import UnknownPerson


class SwitchingUserAdmin(UserAdmin):
    def switch(self, user: User, *, active: bool, cause: Cause) -> bool:
        if user.org is None:
            return super().switch(user, active=active, cause=cause)
        # Setting the word of a silent identity provider aside asks a second question, which the person's page does.
        if active and user.deleted_at is None and account_switches.needs_silence(user):
            text = _(
                "Their identity provider deactivated %(name)s: activate them there. While it is silent, the "
                "organization's admin can do it on the person's page."
            )
            raise SwitchRefused(text % {"name": user})
        command = account_switches.activate if active else account_switches.deactivate
        try:
            return command(org=user.org, user_id=user.pk, cause=cause)
        except UnknownPerson as gone:
            raise SwitchRefused(_("SCIM deleted %(name)s; only SCIM can restore them.") % {"name": user}) from gone


# In place of the page of `orgs.admin`, which knows no groups and so settles nobody.
admin.site.unregister(User)
admin.site.register(User, SwitchingUserAdmin)
