"""A function for the facts about one person, whose plan PostgreSQL keeps."""

from django.db import migrations

CREATE = """
CREATE FUNCTION engine_person(an_org uuid, a_person uuid) RETURNS TABLE (
    version text, last_admin uuid, id uuid, active boolean, is_deleted boolean, is_owner boolean,
    deactivated_at timestamptz[], idp_roles varchar[], manual_roles varchar[], placement text, roles varchar[],
    groups text, hands text, decisions text, places text, conflicts text
) LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY 
SELECT (
SELECT concat_ws(' ', o.xmin, o.ctid, (
    SELECT concat_ws(' ', p.xmin, p.ctid) FROM orgs_schemaprofile p WHERE p.id = o.profile_id
)) FROM orgs_organization o WHERE o.id = an_org
), (SELECT user_id FROM orgs_lastadmin WHERE org_id = an_org), u.id,
    u.active, u.deleted_at IS NOT NULL, u.is_owner, u.deactivated_at,
    u.idp_roles, u.manual_roles, p.id::text, s.roles,
    (SELECT json_agg(json_build_array(m.group_id, (extract(epoch FROM m.added_at) * 1000000)::bigint))::text
        FROM groups_provisioning_groupmember m WHERE m.user_id = u.id),
    (SELECT json_agg(json_build_array(h.entity_id, e.kind, h.placed) ORDER BY h.change_id)::text
        FROM orgs_handplacement h JOIN orgs_entity e ON e.id = h.entity_id
        WHERE h.user_id = u.id AND e.deleted_at IS NULL),
    (SELECT json_agg(json_build_array(d.winner_id, d.loser_id, (extract(epoch FROM d.at) * 1000000)::bigint)
            ORDER BY d.at, d.id)::text
        FROM groups_provisioning_decision d WHERE d.user_id = u.id AND d.undone_by_id IS NULL),
    (SELECT json_agg(json_build_array(m.entity_id, m.kind, m.source, m.mapping_id))::text
        FROM groups_provisioning_membership m WHERE m.user_id = u.id),
    (SELECT json_agg(json_build_array(c.incoming_id, (extract(epoch FROM c.since) * 1000000)::bigint, c.holders))::text
        FROM groups_provisioning_conflict c WHERE c.user_id = u.id)
FROM orgs_user u
LEFT JOIN orgs_standing s ON s.user_id = u.id
LEFT JOIN orgs_entity p ON p.id = u.placement_id AND p.deleted_at IS NULL AND p.kind = 'concurrency_group'
WHERE u.org_id = an_org AND u.id = a_person ORDER BY u.id
;
END
$$
"""

DROP = "DROP FUNCTION engine_person(uuid, uuid)"


class Migration(migrations.Migration):
    dependencies = [("groups_provisioning", "0009_ended_groups"), ("orgs", "0025_invitations_and_deletions")]

    operations = [migrations.RunSQL(CREATE, DROP)]
