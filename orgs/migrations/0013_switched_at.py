import django.contrib.postgres.fields
from django.db import migrations, models

TIMES = django.contrib.postgres.fields.ArrayField(
    base_field=models.DateTimeField(), blank=True, default=list, editable=False, size=None
)
KINDS = ("teams", "concurrency_groups", "sub_organizations")

# A kind that is on, and was off before, is as if it had never been off: nothing tells when it went on again, and off and
# on moves nobody (SPEC M2).
FORWARDS = "".join(
    f"UPDATE orgs_organization SET {kind}_switched_at = ARRAY[{kind}_off_at] "
    f"WHERE NOT {kind} AND {kind}_off_at IS NOT NULL;\n"
    # Never on: no mapping of the kind was ever approved.
    f"UPDATE orgs_organization SET {kind}_switched_at = ARRAY[created_at, created_at] "
    f"WHERE NOT {kind} AND {kind}_off_at IS NULL;\n"
    for kind in KINDS
) + """
UPDATE orgs_user SET deactivated_at = ARRAY[active_since] WHERE active AND active_since IS NOT NULL;
UPDATE orgs_user SET deactivated_at = ARRAY[now()] WHERE NOT active AND deleted_at IS NULL;
"""
BACKWARDS = "".join(
    f"UPDATE orgs_organization SET {kind}_off_at = {kind}_switched_at[cardinality({kind}_switched_at)] "
    f"WHERE NOT {kind} AND {kind}_switched_at <> '{{}}' AND {kind}_switched_at <> ARRAY[created_at, created_at];\n"
    for kind in KINDS
) + """
UPDATE orgs_user SET active_since = deactivated_at[cardinality(deactivated_at)]
    WHERE active AND deactivated_at <> '{}';
"""


class Migration(migrations.Migration):
    """When kinds went on and off, and accounts were deactivated, as lists of times (SPEC M2).

    Columns with a constant default are added at once, whatever the size of the table; few rows are rewritten.
    """

    dependencies = [("orgs", "0012_announces_cursors")]

    operations = [
        *(migrations.AddField("organization", f"{kind}_switched_at", TIMES) for kind in KINDS),
        migrations.AddField("user", "deactivated_at", TIMES),
        migrations.RunSQL(FORWARDS, BACKWARDS),
        *(migrations.RemoveField("organization", f"{kind}_off_at") for kind in KINDS),
        migrations.RemoveField("user", "active_since"),
    ]
