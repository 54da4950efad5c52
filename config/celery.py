"""The Celery app: background work and periodic tasks."""

import logging.config
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import structlog
from celery import Celery
from celery.app.task import Task
from celery.platforms import SecurityWarning
from celery.signals import setup_logging
from django.conf import settings
from kombu.transport import redis, virtual

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

# Running as root is only dangerous if messages can carry code; these are JSON.
warnings.simplefilter("ignore", SecurityWarning)


class Deliveries(redis.QoS):
    """The messages that a worker has in hand, as many as it has processes.

    kombu forgets to let go of one that the broker could not be told about, such as during a pause of the broker; one
    such message for each process, and the worker would never take another. The broker delivers it again after an hour.
    """

    def ack(self, delivery_tag: str) -> None:
        with self._let_go(delivery_tag):
            super().ack(delivery_tag)

    def reject(self, delivery_tag: str, requeue: bool = False) -> None:
        with self._let_go(delivery_tag):
            super().reject(delivery_tag, requeue=requeue)

    @contextmanager
    def _let_go(self, delivery_tag: str) -> Iterator[None]:
        try:
            yield
        except Exception:  # whatever it was, and it goes on
            virtual.QoS.ack(self, delivery_tag)
            raise


redis.Channel.QoS = Deliveries


class Observed(Task):
    """A task that is counted, and whose lines have the ID of the request that asked for it (`orgs.nudge`)."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        from orgs import metrics  # which needs settings, and those import this module's package

        ids = {"task_id": self.request.id, "request_id": (self.request.headers or {}).get("request_id")}
        known = {name: value for name, value in ids.items() if value}
        with structlog.contextvars.bound_contextvars(**known), metrics.counted_task(self.name):
            return super().__call__(*args, **kwargs)


app = Celery("muster", task_cls=Observed)
app.set_default()  # in every thread, not only the one that imports this module
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@setup_logging.connect
def _log_as_django_does(**_: Any) -> None:
    # A connected receiver keeps Celery from configuring logging itself.
    logging.config.dictConfig(settings.LOGGING)
