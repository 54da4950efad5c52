"""The past of facts is kept by functions that name their table's columns, where one function compared whole rows as JSON.

An update of one person took the database a sixth longer than with these. A migration that adds a column of facts replaces
the function of its table (`columns_kept`); a test fails until it does.
"""

from collections.abc import Sequence
from importlib import import_module

from django.db import migrations

past = import_module("orgs.migrations.0042_past_of_facts")

FUNCTION = """
CREATE OR REPLACE FUNCTION keep_past_of_{kind}() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    cause uuid := nullif(current_setting('muster.change', true), '')::uuid;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        INSERT INTO orgs_past (org_id, kind, row, about, at, change_id, was)
        SELECT {owner_o}, '{kind}', o.{key}::text, o.{subject}, clock_timestamp(), cause,
            {differing}
        FROM old_rows o JOIN new_rows n ON n.{key} = o.{key}
        WHERE {owned_o}({all_o}) IS DISTINCT FROM ({all_n});
    ELSIF TG_OP = 'DELETE' THEN
        INSERT INTO orgs_past (org_id, kind, row, about, at, change_id, was)
        SELECT {owner_o}, '{kind}', o.{key}::text, o.{subject}, clock_timestamp(), cause,
            jsonb_build_object({named})
        FROM old_rows o{where_o};
    ELSE
        INSERT INTO orgs_past (org_id, kind, row, about, at, change_id, was)
        SELECT {owner_n}, '{kind}', n.{key}::text, n.{subject}, clock_timestamp(), cause, NULL
        FROM new_rows n{where_n};
    END IF;
    RETURN NULL;
END
$$;
"""

# CREATE OR REPLACE lets readers go on, where DROP TRIGGER would not.
TRIGGERS = """
CREATE OR REPLACE TRIGGER keep_past_insert AFTER INSERT ON {table} REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT {unless_off} EXECUTE FUNCTION {call};
CREATE OR REPLACE TRIGGER keep_past_update AFTER UPDATE ON {table}
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT {unless_off} EXECUTE FUNCTION {call};
CREATE OR REPLACE TRIGGER keep_past_delete AFTER DELETE ON {table} REFERENCING OLD TABLE AS old_rows
    FOR EACH STATEMENT {unless_off} EXECUTE FUNCTION {call};
"""


def function(kind: str, key: str, subject: str, owner: str, columns: Sequence[str]) -> str:
    """key, subject, owner: the columns that hold the key, the subject and the org ("" for none) of a row."""
    differing = (
        f"CASE WHEN o.{name} IS DISTINCT FROM n.{name} THEN jsonb_build_object('{name}', o.{name}) ELSE '{{}}' END"
        for name in columns
    )
    return FUNCTION.format(
        kind=kind,
        key=key,
        subject=subject,
        owner_o=f"o.{owner}" if owner else "NULL::uuid",
        owner_n=f"n.{owner}" if owner else "NULL::uuid",
        owned_o=f"o.{owner} IS NOT NULL AND " if owner else "",  # support staff has none
        where_o=f" WHERE o.{owner} IS NOT NULL" if owner else "",
        where_n=f" WHERE n.{owner} IS NOT NULL" if owner else "",
        differing="\n            || ".join(differing),
        named=", ".join(f"'{name}', o.{name}" for name in columns),
        all_o=", ".join(f"o.{name}" for name in columns),
        all_n=", ".join(f"n.{name}" for name in columns),
    )


def keeping(
    table: str, kind: str, key: str, subject: str, owner: str, columns: str, left_out: str
) -> migrations.RunSQL:
    """columns: those that are kept. left_out: those that the function before left out, for the way back."""
    before = ", ".join(f"'{each}'" for each in (kind, key, subject, owner, f"{{{left_out}}}"))
    of_table = {"table": table, "unless_off": past.UNLESS_OFF}
    return migrations.RunSQL(
        function(kind, key, subject, owner, columns.split())
        + TRIGGERS.format(call=f"keep_past_of_{kind}()", **of_table),
        TRIGGERS.format(call=f"keep_past({before})", **of_table) + f"DROP FUNCTION keep_past_of_{kind}();",
    )


USER = (
    "id org_id is_owner user_name login_email external_id reference display_name given_name family_name attributes "
    "extension_urn active idp_active deactivated_at scim_managed idp_roles manual_roles placement_id deleted_at erased_at "
    "created_at"
)
ENTITY = "id org_id kind name former_keys session_limit created_at deleted_at"
ORGANIZATION = (
    "id name slug plan sso_configured sso_connection profile_id user_provisioning group_provisioning_activated "
    "group_provisioning teams concurrency_groups sub_organizations teams_switched_at concurrency_groups_switched_at "
    "sub_organizations_switched_at created_at closed_at"
)
PROFILE = (
    "id key name user_extension user_extension_aliases group_extension group_extension_aliases role_attribute "
    "role_attribute_is_array placement_attribute group_role_attribute role_policy user_name_is_email "
    "user_name_is_mutable announces_cursors"
)


class Migration(migrations.Migration):

    dependencies = [
        ('orgs', '0043_people_switched_by_hand'),
    ]

    operations = [
        keeping("orgs_user", "user", "id", "id", "org_id", USER, past.OF_USERS),
        keeping("orgs_handplacement", "hand", "id", "user_id", "org_id", "id org_id user_id entity_id placed change_id", ""),
        keeping("orgs_lastadmin", "last_admin", "org_id", "org_id", "org_id", "org_id user_id", ""),
        keeping("orgs_entity", "entity", "id", "id", "org_id", ENTITY, "name_key"),
        keeping("orgs_organization", "organization", "id", "id", "id", ORGANIZATION, "name_key"),
        keeping("orgs_schemaprofile", "profile", "id", "id", "", PROFILE, "revision"),
        keeping("orgs_role", "role", "id", "profile_id", "", "id profile_id key rank is_default is_admin", ""),
    ]
