"""How the database grows with each request, and how fast one can stamp: `python -m benchmarks.growth [REQUESTS]`.

Printed: bytes that a SCIM request of each kind leaves in each table with its indexes, and in the write-ahead log; and
the database's CPU for a touch that is stamped into the feed.
"""

import sys

import psycopg

from benchmarks.feed import stamping
from benchmarks.portal import portal
from benchmarks.requests import groups, people, requests

KINDS = ("create", "patch active", "member", "lookup")

SIZES = """
SELECT coalesce(parent.relname, c.relname), sum(pg_total_relation_size(c.oid))::bigint
FROM pg_class c LEFT JOIN pg_inherits i ON i.inhrelid = c.oid LEFT JOIN pg_class parent ON parent.oid = i.inhparent
WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace GROUP BY 1
"""


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    with portal() as muster, psycopg.connect(muster.database_url, autocommit=True) as database:
        with muster.web() as client:
            kinds = requests(people(muster), groups(client))
            for kind in KINDS:
                before, written = sizes(database), wal(database)
                for number in range(count):
                    kinds[kind](client, number)
                grown = {table: size - before.get(table, 0) for table, size in sizes(database).items()}
                told = {table: size / count for table, size in grown.items() if size / count > 10}
                print(f"{kind}: {sum(told.values()):,.0f} bytes, {(wal(database) - written) / count:,.0f} of log")
                for table, size in sorted(told.items(), key=lambda item: -item[1]):
                    print(f"    {table:<34}{size:>8,.0f}")
        seconds, touches = stamping(muster)
    print(f"Stamping: {touches:,} touches, {1e6 * seconds / touches:.0f} microseconds of the database's CPU each")


def sizes(database: psycopg.Connection) -> dict[str, int]:
    return dict(database.execute(SIZES).fetchall())


def wal(database: psycopg.Connection) -> int:
    row = database.execute("SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::bigint").fetchone()
    assert row
    return int(row[0])


if __name__ == "__main__":
    main()
