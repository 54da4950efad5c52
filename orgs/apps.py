from django.apps import AppConfig
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy as _


class OrgsConfig(AppConfig):
    name = "orgs"
    default_auto_field = "django.db.models.BigAutoField"
    verbose_name = _("Organizations")

    def ready(self) -> None:
        from orgs import staff_groups

        # Django's own way to see to rows that tables need; `django.contrib.auth` is listed first, and so runs first.
        post_migrate.connect(staff_groups.install, dispatch_uid="orgs.staff_groups")
