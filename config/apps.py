from django.contrib.admin.apps import AdminConfig


class SupportAdminConfig(AdminConfig):
    default_site = "config.admin.SupportSite"

    def ready(self) -> None:
        super().ready()
        from config import checks  # noqa: F401 - registers them
        from scim.support_desk import records  # noqa: F401 - in place of pages that the apps registered
