"""A function for the members of one group, whose plan PostgreSQL keeps."""

from django.db import migrations

CREATE = """
CREATE FUNCTION members_listed(a_group uuid) RETURNS TABLE (users bytea, nested bytea, first_names text)
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN QUERY SELECT (
        SELECT string_agg(uuid_send(m.user_id), ''::bytea ORDER BY m.id)
        FROM groups_provisioning_groupmember m WHERE m.group_id = a_group
    ), (
        SELECT string_agg(uuid_send(n.member_id), ''::bytea ORDER BY n.id)
        FROM groups_provisioning_nestedgroup n WHERE n.group_id = a_group
    ), (
        SELECT json_object_agg(
            u.id, coalesce(nullif(u.display_name, ''), trim(u.given_name || ' ' || u.family_name))
        )::text
        FROM (
            SELECT m.user_id FROM groups_provisioning_groupmember m WHERE m.group_id = a_group
            ORDER BY m.id LIMIT 2000
        ) AS first_members JOIN orgs_user u ON u.id = first_members.user_id
    );
END
$$
"""

DROP = "DROP FUNCTION members_listed(uuid)"


class Migration(migrations.Migration):
    dependencies = [("groups_provisioning", "0012_past_of_facts")]

    operations = [migrations.RunSQL(CREATE, DROP)]
