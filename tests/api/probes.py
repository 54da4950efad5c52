"""Triggers, in tests alone, that note what history records, each change of a row that an item of the feed would show,
and what is touched.
"""

from typing import Any

from django.db import connection

from orgs.feed import NAMES
from orgs.models import HistoryKind

# Of each table: the columns that items show, and whose they are: a kind (or the column that has it), and an id.
SHOWN: dict[str, tuple[str, str, str]] = {
    "orgs_user": (
        "user_name,external_id,display_name,given_name,family_name,attributes,active,is_owner,deleted_at,erased_at",
        "'person'",
        "id",
    ),
    "orgs_standing": ("roles", "'person'", "user_id"),
    "groups_provisioning_hold": ("change_id,released", "'person'", "user_id"),
    "groups_provisioning_membership": ("entity_id", "'person'", "user_id"),
    "orgs_entity": ("name,session_limit,deleted_at", "kind", "id"),
    "groups_provisioning_pushedgroup": ("display_name,external_id,attributes,roles,deleted_at", "'group'", "id"),
    "groups_provisioning_mapping": ("kind,status,role,entity_id,target_deleted", "'group'", "group_id"),
    "orgs_organization": (
        "name,slug,plan,profile_id,two_persons,user_provisioning,group_provisioning,teams,concurrency_groups,sub_organizations,"
        "closed_at",
        "'organization'",
        "id",
    ),
    "orgs_verifieddomain": ("name", "'organization'", "org_id"),
}
_MAKE = """
CREATE TABLE probe_changed (kind text, id uuid, place text);
CREATE TABLE probe_touched (kind int, id uuid, first bigint, last bigint);
CREATE TABLE probe_recorded (change uuid, entry bigint);
CREATE FUNCTION probe_note() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    was jsonb := CASE WHEN TG_OP <> 'INSERT' THEN to_jsonb(OLD) END;
    now jsonb := CASE WHEN TG_OP <> 'DELETE' THEN to_jsonb(NEW) END;
    shown text[] := string_to_array(TG_ARGV[0], ',');
    columns text[];
    row_ jsonb := coalesce(now, was);
BEGIN
    SELECT array_agg(name) INTO columns FROM unnest(shown) AS name WHERE was -> name IS DISTINCT FROM now -> name;
    IF columns IS NOT NULL AND row_ ->> 'org_id' IS NOT NULL OR TG_TABLE_NAME = 'orgs_organization' THEN
        INSERT INTO probe_changed VALUES (
            CASE WHEN TG_ARGV[1] = 'kind' THEN row_ ->> 'kind' ELSE trim(TG_ARGV[1], '''') END,
            (row_ ->> TG_ARGV[2])::uuid,
            TG_OP || ' ' || TG_TABLE_NAME || ' ' || columns::text
        );
    END IF;
    RETURN NULL;
END $$;
CREATE FUNCTION probe_touch() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO probe_touched VALUES (NEW.kind, NEW.resource_id, NEW.first_entry, NEW.last_entry);
    RETURN NULL;
END $$;
CREATE FUNCTION probe_record() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO probe_recorded VALUES (
        CASE TG_TABLE_NAME WHEN 'orgs_change' THEN to_jsonb(NEW) ->> 'id' ELSE to_jsonb(NEW) ->> 'change_id' END::uuid,
        CASE TG_TABLE_NAME WHEN 'orgs_ledgerentry' THEN to_jsonb(NEW) ->> 'id' END::bigint
    );
    RETURN NULL;
END $$;
CREATE TRIGGER probe AFTER INSERT ON orgs_change FOR EACH ROW EXECUTE FUNCTION probe_record();
CREATE TRIGGER probe AFTER INSERT ON orgs_ledgerentry FOR EACH ROW EXECUTE FUNCTION probe_record();
CREATE TRIGGER probe AFTER INSERT ON orgs_feedtouch FOR EACH ROW EXECUTE FUNCTION probe_touch();
CREATE FUNCTION probe_settled() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO probe_changed VALUES ('person', OLD.user_id, 'no longer waits');
    RETURN NULL;
END $$;
CREATE TRIGGER probe AFTER DELETE ON orgs_mark FOR EACH ROW EXECUTE FUNCTION probe_settled();
"""
_TRIGGER = """
CREATE TRIGGER probe AFTER INSERT OR UPDATE OR DELETE ON {table} FOR EACH ROW
EXECUTE FUNCTION probe_note('{shown}', {kind}, '{id}');
"""
_UNTOLD = """
SELECT 'history', r.change, r.entry FROM probe_recorded r LEFT JOIN probe_touched t
    ON t.kind = ANY(%s) AND t.id = r.change
    AND CASE WHEN r.entry IS NULL THEN t.kind = 7 ELSE r.entry BETWEEN t.first AND t.last END
GROUP BY r.change, r.entry HAVING count(t.id) <> 1
"""


def install() -> None:
    """In the transaction of a test, which takes them away again."""
    with connection.cursor() as cursor:
        cursor.execute(_MAKE)
        for table, (shown, kind, id_) in SHOWN.items():
            kind = kind if kind.startswith("'") else f"'{kind}'"
            cursor.execute(_TRIGGER.format(table=table, shown=shown, kind=kind, id=id_))


def untouched() -> list[tuple[Any, ...]]:
    """What has changed since this was last asked, and was not touched: kind, id, and what changed.

    Also what was recorded and is in no item of history, or in several.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT kind, id, place FROM probe_changed")
        changed = cursor.fetchall()
        cursor.execute("SELECT kind, id FROM probe_touched WHERE kind = ANY(%s)", [list(NAMES)])
        touched = {(NAMES[kind], id_) for kind, id_ in cursor.fetchall()}
        cursor.execute(_UNTOLD, [list(HistoryKind)])
        untold = cursor.fetchall()
        cursor.execute("DELETE FROM probe_changed; DELETE FROM probe_touched; DELETE FROM probe_recorded")
    return [each for each in changed if each[:2] not in touched] + untold
