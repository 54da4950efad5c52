"""The Celery app: background work and the clock."""

import logging.config
import os
import warnings
from typing import Any

from celery import Celery
from celery.platforms import SecurityWarning
from celery.signals import setup_logging
from django.conf import settings

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

# Running as root is only as dangerous as what messages can say; these are JSON.
warnings.simplefilter("ignore", SecurityWarning)

app = Celery("muster")
app.set_default()  # in every thread, not only in the one that imports this
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@setup_logging.connect
def _log_as_django_does(**_: Any) -> None:
    # That somebody listens keeps Celery from configuring logging by itself.
    logging.config.dictConfig(settings.LOGGING)
