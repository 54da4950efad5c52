
import django.db.models.deletion
import orgs.db.keys
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('orgs', '0015_sign_in_failures'),
    ]

    operations = [
        migrations.CreateModel(
            name='Matter',
            fields=[
                ('id', models.UUIDField(default=orgs.db.keys.uuid7, editable=False, primary_key=True, serialize=False)),
                ('kind', models.CharField(choices=[('token.dead', 'A token that has ended is still used'), ('token.foreign', 'A token is used from an address that it is not allowed'), ('user.refused', 'A person could not be created'), ('group.refused', 'A group could not be created'), ('attribute.undescribed', 'An attribute that the schema profile does not have')], max_length=30)),
                ('subject', models.CharField(max_length=255)),
                ('subject_key', orgs.db.keys.FoldedField('subject', db_collation='C', editable=False)),
                ('first_at', models.DateTimeField()),
                ('last_at', models.DateTimeField()),
                ('count', models.PositiveBigIntegerField(default=1)),
                ('request_id', models.UUIDField(null=True)),
                ('detail', models.JSONField(default=dict)),
                ('dismissed_at', models.DateTimeField(null=True)),
                ('org', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='orgs.organization')),
            ],
            options={
                'ordering': ('-last_at',),
                'indexes': [models.Index(fields=['last_at'], name='matter_last_at')],
                'constraints': [models.UniqueConstraint(fields=('org', 'kind', 'subject_key'), name='matter_once')],
            },
        ),
    ]
