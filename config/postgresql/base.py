"""Django's PostgreSQL backend, with a pool that notices a restart of the server at once.

The pool's own check finds dead connections one by one, with growing pauses: after a restart, requests would fail for
as many seconds as there were idle connections.
"""

from typing import Any

from django.db.backends.postgresql import base
from psycopg import OperationalError
from psycopg_pool import ConnectionPool


class DatabaseWrapper(base.DatabaseWrapper):
    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """A connection that works when it is handed out; one dead connection causes all idle ones to be dropped."""
        connection = super().get_new_connection(conn_params)
        if self.pool:
            try:
                ConnectionPool.check_connection(connection)
            except OperationalError:
                self.pool.putconn(connection)
                self.pool.drain()
                connection = super().get_new_connection(conn_params)
        return connection
