import django.db.models.deletion
import orgs.db.keys
import orgs.db.sealed
import orgs.db.tenancy
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('orgs', '0025_invitations_and_deletions'),
        ('sso', '0001_issuer_documents'),
    ]

    operations = [
        migrations.CreateModel(
            name='Connection',
            fields=[
                ('id', models.UUIDField(default=orgs.db.keys.uuid7, editable=False, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField()),
                ('org', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='sso_connections', to='orgs.organization')),
            ],
        ),
        migrations.CreateModel(
            name='Revision',
            fields=[
                ('id', models.UUIDField(default=orgs.db.keys.uuid7, editable=False, primary_key=True, serialize=False)),
                ('state', models.CharField(choices=[('draft', 'Draft'), ('active', 'Active'), ('past', 'Past')], default='draft', max_length=6)),
                ('issuer', models.CharField(max_length=2048)),
                ('client_id', models.CharField(max_length=255)),
                ('client_secret', orgs.db.sealed.SealedField()),
                ('name_claim', models.CharField(blank=True, default='', max_length=100)),
                ('changed_at', models.DateTimeField()),
                ('tested_at', models.DateTimeField(null=True)),
                ('connection', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='revisions', to='sso.connection')),
                ('org', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='orgs.organization')),
            ],
        ),
        migrations.CreateModel(
            name='TestRun',
            fields=[
                ('id', models.UUIDField(default=orgs.db.keys.uuid7, editable=False, primary_key=True, serialize=False)),
                ('state', models.CharField(max_length=64)),
                ('nonce', models.CharField(max_length=64)),
                ('verifier', orgs.db.sealed.SealedField()),
                ('begun_at', models.DateTimeField()),
                ('used_at', models.DateTimeField(null=True)),
                ('org', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='orgs.organization')),
                ('revision', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='test_runs', to='sso.revision')),
            ],
        ),
        migrations.AddConstraint(
            model_name='connection',
            constraint=models.UniqueConstraint(fields=('org',), name='sso_connection_one_of_an_org'),
        ),
        migrations.AddConstraint(
            model_name='connection',
            constraint=models.UniqueConstraint(fields=('org', 'id'), name='sso_connection_org_id'),
        ),
        migrations.AddConstraint(
            model_name='revision',
            constraint=orgs.db.tenancy.TenantKey(field='connection', name='sso_revision_connection'),
        ),
        migrations.AddConstraint(
            model_name='revision',
            constraint=models.UniqueConstraint(fields=('org', 'id'), name='sso_revision_org_id'),
        ),
        migrations.AddConstraint(
            model_name='revision',
            constraint=models.UniqueConstraint(condition=models.Q(('state', 'past'), _negated=True), fields=('org', 'connection', 'state'), name='sso_revision_one_of_each'),
        ),
        migrations.AddIndex(
            model_name='testrun',
            index=models.Index(fields=['org', 'revision'], name='sso_test_run_of_revision'),
        ),
        migrations.AddIndex(
            model_name='testrun',
            index=models.Index(fields=['begun_at'], name='sso_test_run_begun'),
        ),
        migrations.AddConstraint(
            model_name='testrun',
            constraint=orgs.db.tenancy.TenantKey(field='revision', name='sso_test_run_revision'),
        ),
    ]
