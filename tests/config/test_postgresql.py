"""The connection pool after accidents."""

import threading

import psycopg
from django.conf import settings
from django.db import connection


def test_a_restart_of_the_server_is_not_noticed_by_the_next_request(transactional_db: None) -> None:
    idle = 8
    together = threading.Barrier(idle)

    def use() -> None:
        connection.ensure_connection()
        together.wait()
        connection.close()

    threads = [threading.Thread(target=use) for _ in range(idle)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    connection.close()
    with psycopg.connect(settings.DATABASE_URL, autocommit=True) as other:
        other.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s",
            [connection.settings_dict["NAME"]],
        )
    with connection.cursor() as cursor:
        assert cursor.execute("SELECT 1").fetchone() == (1,)
