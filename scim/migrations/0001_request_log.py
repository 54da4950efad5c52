"""The request log, partitioned by day, with the partitions of its first days (SPEC O4; `scim.partitions` keeps it up).

Django has no words for partitioned tables: the SQL is ours, the state is what the models say.
"""

import django.db.models.deletion
from django.db import migrations, models

TABLES = """
CREATE TABLE scim_requestlog (
    id uuid NOT NULL PRIMARY KEY,
    at timestamp with time zone NOT NULL,
    method varchar(10) NOT NULL,
    path varchar(1000) NOT NULL,
    operation varchar(50) NOT NULL,
    target varchar(255) NOT NULL,
    status smallint NOT NULL CHECK (status >= 0),
    scim_type varchar(30) NOT NULL,
    detail varchar(1000) NOT NULL,
    duration integer NOT NULL CHECK (duration >= 0),
    address inet NULL,
    agent varchar(200) NOT NULL,
    request_size integer NOT NULL CHECK (request_size >= 0),
    response_size integer NOT NULL CHECK (response_size >= 0),
    org_id uuid NULL,
    token_id uuid NULL
) PARTITION BY RANGE (id);

CREATE INDEX request_log_of_org ON scim_requestlog (org_id, id);
CREATE INDEX request_log_errors ON scim_requestlog (id) WHERE status >= 400;

CREATE TABLE scim_requestlogbody (
    id uuid NOT NULL PRIMARY KEY,
    request text NOT NULL,
    response text NOT NULL
) PARTITION BY RANGE (id);
"""

# A UUIDv7 begins with 48 bits of milliseconds, so the first id of a day is its midnight followed by zeros.
FIRST_DAYS = """
DO $$
DECLARE
    parent text;
    day timestamp;
BEGIN
    FOREACH parent IN ARRAY ARRAY['scim_requestlog', 'scim_requestlogbody'] LOOP
        FOR n IN 0..7 LOOP
            day := date_trunc('day', now() AT TIME ZONE 'UTC') + make_interval(days => n);
            EXECUTE format(
                'CREATE TABLE %I PARTITION OF %I FOR VALUES FROM (%L) TO (%L)',
                parent || to_char(day, '_YYYYMMDD'),
                parent,
                rpad(lpad(to_hex((extract(epoch FROM day) * 1000)::bigint), 12, '0'), 32, '0')::uuid,
                rpad(lpad(to_hex((extract(epoch FROM day + interval '1 day') * 1000)::bigint), 12, '0'), 32, '0')::uuid
            );
        END LOOP;
    END LOOP;
END $$;
"""


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('orgs', '0002_built_in_profiles'),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[
                # A partition goes with its table.
                migrations.RunSQL(TABLES, "DROP TABLE scim_requestlogbody, scim_requestlog"),
                migrations.RunSQL(FIRST_DAYS, migrations.RunSQL.noop),
            ],
            state_operations=[
                migrations.CreateModel(
                    name='RequestLog',
                    fields=[
                        ('id', models.UUIDField(editable=False, primary_key=True, serialize=False, verbose_name='request id')),
                        ('at', models.DateTimeField()),
                        ('method', models.CharField(max_length=10)),
                        ('path', models.CharField(max_length=1000)),
                        ('operation', models.CharField(max_length=50)),
                        ('target', models.CharField(max_length=255)),
                        ('status', models.PositiveSmallIntegerField()),
                        ('scim_type', models.CharField(max_length=30, verbose_name='error type')),
                        ('detail', models.CharField(max_length=1000)),
                        ('duration', models.PositiveIntegerField(verbose_name='duration in microseconds')),
                        ('address', models.GenericIPAddressField(null=True)),
                        ('agent', models.CharField(max_length=200, verbose_name='user agent')),
                        ('request_size', models.PositiveIntegerField()),
                        ('response_size', models.PositiveIntegerField()),
                        ('org', models.ForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='orgs.organization')),
                        ('token', models.ForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='orgs.scimtoken')),
                    ],
                    options={
                        'verbose_name': 'request',
                        'verbose_name_plural': 'request log',
                        'ordering': ('-id',),
                    },
                ),
                migrations.CreateModel(
                    name='RequestLogBody',
                    fields=[
                        ('log', models.OneToOneField(db_column='id', db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, primary_key=True, related_name='body', serialize=False, to='scim.requestlog')),
                        ('request', models.TextField()),
                        ('response', models.TextField()),
                    ],
                    options={
                        'verbose_name': 'bodies of a request',
                        'verbose_name_plural': 'bodies of requests',
                    },
                ),
                migrations.AddIndex(
                    model_name='requestlog',
                    index=models.Index(fields=['org', 'id'], name='request_log_of_org'),
                ),
                migrations.AddIndex(
                    model_name='requestlog',
                    index=models.Index(condition=models.Q(('status__gte', 400)), fields=['id'], name='request_log_errors'),
                ),
            ],
        ),
    ]
