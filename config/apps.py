from django.contrib.admin.apps import AdminConfig


class SupportAdminConfig(AdminConfig):
    default_site = "config.admin.SupportSite"

    def ready(self) -> None:
        super().ready()
        from config import checks  # noqa: F401 - registers them
