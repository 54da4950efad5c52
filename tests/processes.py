"""For tests that start processes of the portal."""

import os

from django.db import connection
from psycopg.conninfo import make_conninfo

from tests.servers import ROOT

__all__ = ["ROOT", "environment"]


def environment(**differs: str) -> dict[str, str]:
    """The environment of a process that works on the test's database."""
    settings = connection.settings_dict
    names = {"dbname": "NAME", "user": "USER", "password": "PASSWORD", "host": "HOST", "port": "PORT"}
    parts = {libpq: settings[django] for libpq, django in names.items() if settings[django]}
    return {
        **os.environ,
        "DATABASE_URL": make_conninfo(**parts),
        "DJANGO_SETTINGS_MODULE": "config.settings",
        **differs,
    }
