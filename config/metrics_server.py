"""Tells Prometheus the metrics of all processes of this machine: `python -m config.metrics_server`.

A process of its own: none of the web processes, of which any may answer, and none of the workers knows what the others
have counted. They write their counts to files (`orgs.metrics`); this adds them up, and asks the database and the broker
for what nobody counts. It listens on METRICS_BIND and METRICS_PORT, never where the portal does.
"""

import os
import signal
import sys
import threading
from collections.abc import Iterator

import django
from django.conf import settings
from django.db import Error, connection
from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector


class Vitals(Collector):
    """What `config.vitals` reads, for every scrape."""

    def collect(self) -> Iterator[Metric]:
        try:
            yield from list(gauges())
        finally:
            connection.close()  # each scrape has a thread of its own


def gauges() -> Iterator[Metric]:
    """How the portal does. Without the database, that it is away, and nothing else: no number would be true."""
    from config import vitals

    try:
        pending = vitals.pending_migrations()
        now = None if pending else vitals.read()
    except Error:
        yield GaugeMetricFamily("muster_database_up", "Whether the database answers", 0)
        return
    yield GaugeMetricFamily("muster_database_up", "Whether the database answers", 1)
    yield GaugeMetricFamily("muster_pending_migrations", "Migrations that the database has not had", len(pending))
    if now is None:
        return
    yield GaugeMetricFamily("muster_broker_up", "Whether the broker answers", now.tasks is not None)
    waiting = GaugeMetricFamily("muster_waiting_tasks", "Tasks that wait in the broker", labels=["queue"])
    for name, number in (now.tasks or {}).items():
        waiting.add_metric([name], number)
    yield waiting
    yield GaugeMetricFamily("muster_held_organizations", "Organizations on hold after a failed batch", now.held)
    for name, text, seconds in (
        ("mark", "Age of the oldest mark of somebody to settle, without organizations on hold", now.oldest_mark),
        ("feed_touch", "Age of the oldest change that the feed does not have yet", now.oldest_touch),
        ("delivery", "For how long the oldest delivery to a webhook has been due", now.oldest_delivery),
        ("mail", "For how long the oldest mail has waited that was never tried", now.oldest_mail),
    ):
        yield GaugeMetricFamily(f"muster_oldest_{name}_seconds", f"{text}; 0 if there is none", seconds or 0)
    if now.last_served is not None:
        text = "Seconds since a worker last took an organization's turn"
        yield GaugeMetricFamily("muster_last_served_seconds", text, now.last_served)


def registry() -> CollectorRegistry:
    """What all processes of this machine have counted, and how the portal does."""
    made = CollectorRegistry()
    MultiProcessCollector(made, path=str(settings.METRICS_DIRECTORY))
    made.register(Vitals())
    return made


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    from config.settings import ENVIRONMENT

    if not ENVIRONMENT.metrics_port:
        sys.exit("There are no metrics: set METRICS_PORT here and for every other process.")
    start_http_server(ENVIRONMENT.metrics_port, addr=ENVIRONMENT.metrics_bind, registry=registry())
    over = threading.Event()
    for signum in (signal.SIGTERM, signal.SIGINT):
        signal.signal(signum, lambda *_: over.set())
    over.wait()


if __name__ == "__main__":
    main()
