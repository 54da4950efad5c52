from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class GroupsProvisioningConfig(AppConfig):
    name = "groups_provisioning"
    default_auto_field = "django.db.models.BigAutoField"
    verbose_name = _("Group provisioning")
