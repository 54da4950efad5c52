"""Very many people at once, as only SQL can make them, and what the planner makes of questions about them."""

from django.db import connection

from orgs.models import Organization

_USERS = """
INSERT INTO orgs_user (id, org_id, user_name, user_name_key, login_email, external_id, email_keys, folded, password,
    is_staff, is_owner, display_name, given_name, family_name, attributes, extension_urn, active,
    deactivated_at, scim_managed, created_at, modified_at, revision, session_epoch)
SELECT gen_random_uuid(), %(org)s, 'p' || n, 'p' || n, %(org)s || n, 'x' || n, ARRAY['p' || n || '@corp.example'],
    jsonb_build_object('emails', jsonb_build_array(jsonb_build_object('type', 'work', 'value',
    'p' || n || '@corp.example'))), '', false, false, 'P', 'P', 'P', '{}', '', true, '{}', true, now(), now(), 1, 0
FROM generate_series(1, %(users)s) AS n
"""
_STANDINGS = """
INSERT INTO orgs_standing (user_id, org_id, roles)
SELECT id, org_id, '{Member}' FROM orgs_user WHERE org_id = %(org)s
ON CONFLICT (user_id) DO NOTHING
"""


def take_time() -> None:
    """Let statements of this transaction take as long as they need: rows by the hundred thousand are made by one."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = 0")


def fill(org: Organization, users: int) -> None:
    """Give an org users p1, p2 and so on, with addresses and external ids."""
    take_time()
    with connection.cursor() as cursor:
        cursor.execute(_USERS, {"org": str(org.id), "users": users})
        # Foreign keys are checked by plans that a session keeps: those of when there were few people read all of them.
        cursor.execute("ANALYZE orgs_user")
        cursor.execute(_STANDINGS, {"org": str(org.id), "users": users})


def plan(sql: str, *options: str) -> str:
    """How PostgreSQL would answer; with ANALYZE, how it does."""
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN ({', '.join(options)}) {sql}" if options else f"EXPLAIN {sql}")
        return "\n".join(row[0] for row in cursor.fetchall())
