"""The Celery app: background work and periodic tasks."""

import logging.config
import os
import warnings
from typing import Any

from celery import Celery
from celery.platforms import SecurityWarning
from celery.signals import setup_logging
from django.conf import settings

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

# Running as root is only dangerous if messages can carry code; these are JSON.
warnings.simplefilter("ignore", SecurityWarning)

app = Celery("muster")
app.set_default()  # in every thread, not only the one that imports this module
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@setup_logging.connect
def _log_as_django_does(**_: Any) -> None:
    # A connected receiver keeps Celery from configuring logging itself.
    logging.config.dictConfig(settings.LOGGING)
