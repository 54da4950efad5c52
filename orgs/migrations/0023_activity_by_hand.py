"""Deactivating people by hand, beside what the IdP says (SPEC U12), and a kind of matter (SPEC G10).

The column is empty for everybody whose `active` is the IdP's word, so that no row has to be written; but those whom
support deactivated, until now against SCIM, are deactivated by hand.
"""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models

BY_SUPPORT = """
UPDATE orgs_user u SET idp_active = true
FROM (
    SELECT DISTINCT e.user_id FROM orgs_change c JOIN orgs_ledgerentry e ON e.change_id = c.id
    WHERE c.verb = 'user.deactivated' AND e.slot = 'account'
) AS switched
WHERE u.id = switched.user_id AND NOT u.active AND u.deleted_at IS NULL AND u.org_id IS NOT NULL AND (
    SELECT c.verb FROM orgs_ledgerentry e JOIN orgs_change c ON c.id = e.change_id
    WHERE e.user_id = u.id AND e.slot = 'account' ORDER BY e.id DESC LIMIT 1
) = 'user.deactivated'
"""


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("orgs", "0022_listed_people")]

    operations = [
        migrations.AddField("user", "idp_active", models.BooleanField(editable=False, null=True)),
        migrations.RunSQL(BY_SUPPORT, migrations.RunSQL.noop),
        AddIndexConcurrently(
            "user",
            models.Index(
                fields=["org", "active"], condition=models.Q(idp_active__isnull=False), name="user_by_hand"
            ),
        ),
        migrations.AlterField(
            model_name='matter',
            name='kind',
            field=models.CharField(choices=[('token.dead', 'A token that has ended is still used'), ('token.foreign', 'A token is used from an address that it is not allowed'), ('token.clear', 'A token is sent over plain HTTP'), ('user.refused', 'A person could not be created'), ('group.refused', 'A group could not be created'), ('group.ended', 'A group that was ended is still written'), ('attribute.undescribed', 'An attribute that the schema profile does not have')], max_length=30),
        ),
    ]
