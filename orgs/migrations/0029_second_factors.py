"""Second factors, recovery codes, and the mails about them (SPEC L6)."""

import django.db.models.deletion
import orgs.db.keys
import orgs.db.sealed
import orgs.db.tenancy
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('orgs', '0028_sessions'),
    ]

    operations = [
        migrations.CreateModel(
            name='FactorLetter',
            fields=[
                ('id', models.UUIDField(default=orgs.db.keys.uuid7, editable=False, primary_key=True, serialize=False)),
                ('news', models.CharField(choices=[('added', 'added'), ('removed', 'removed'), ('reset', 'reset'), ('codes_made', 'codes made'), ('code_used', 'code used')], max_length=10)),
                ('kind', models.CharField(blank=True, choices=[('totp', 'Authenticator app'), ('passkey', 'Passkey')], default='', max_length=7)),
                ('at', models.DateTimeField()),
                ('org', models.ForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='orgs.organization')),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'indexes': [models.Index(fields=['org'], name='factor_letter_of_org')],
                'constraints': [orgs.db.tenancy.TenantKey(field='user', name='factor_letter_user')],
            },
        ),
        migrations.CreateModel(
            name='RecoveryCode',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('digest', models.BinaryField(max_length=32)),
                ('org', models.ForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='orgs.organization')),
                ('user', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'indexes': [models.Index(fields=['org'], name='recovery_code_of_org')],
                'constraints': [orgs.db.tenancy.TenantKey(field='user', name='recovery_code_user'), models.UniqueConstraint(fields=('user', 'digest'), name='recovery_code_once')],
            },
        ),
        migrations.CreateModel(
            name='SecondFactor',
            fields=[
                ('id', models.UUIDField(default=orgs.db.keys.uuid7, editable=False, primary_key=True, serialize=False)),
                ('kind', models.CharField(choices=[('totp', 'Authenticator app'), ('passkey', 'Passkey')], max_length=7)),
                ('name', models.CharField(max_length=100)),
                ('key', orgs.db.sealed.SealedField(blank=True, default='')),
                ('last_step', models.BigIntegerField(null=True)),
                ('credential_id', models.BinaryField(max_length=1023, null=True, unique=True)),
                ('public_key', models.BinaryField(null=True)),
                ('sign_count', models.BigIntegerField(default=0)),
                ('made_at', models.DateTimeField()),
                ('used_at', models.DateTimeField(null=True)),
                ('org', models.ForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='orgs.organization')),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='second_factors', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'ordering': ('id',),
                'indexes': [models.Index(fields=['org'], name='second_factor_of_org')],
                'constraints': [orgs.db.tenancy.TenantKey(field='user', name='second_factor_user'), models.CheckConstraint(condition=models.Q(models.Q(('credential_id', None), ('kind', 'totp'), ('last_step__isnull', False), ('public_key', None), models.Q(('key', ''), _negated=True)), models.Q(('credential_id__isnull', False), ('key', ''), ('kind', 'passkey'), ('public_key__isnull', False)), _connector='OR'), name='second_factor_is_of_its_kind')],
            },
        ),
    ]
