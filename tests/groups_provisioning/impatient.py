"""The Celery app, but for the five seconds that a worker waits for its broker: `celery -A tests.….impatient`."""

from config.celery import app

app.conf.broker_transport_options = {**app.conf.broker_transport_options, "socket_timeout": 0.5}
