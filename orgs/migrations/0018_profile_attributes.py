import django.db.models.deletion
from django.db import migrations, models

import orgs.db.keys


class Migration(migrations.Migration):

    dependencies = [
        ('orgs', '0017_token_limits'),
    ]

    operations = [
        migrations.CreateModel(
            name='ProfileAttribute',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('carrier', models.CharField(choices=[('user', 'User'), ('group', 'Group')], default='user', max_length=5, verbose_name='extension')),
                ('name', models.CharField(max_length=100)),
                ('name_key', orgs.db.keys.FoldedField('name', db_collation='C', editable=False)),
                ('type', models.CharField(choices=[('string', 'string'), ('boolean', 'boolean'), ('integer', 'integer'), ('decimal', 'decimal'), ('dateTime', 'dateTime'), ('reference', 'reference')], default='string', max_length=9)),
                ('multi_valued', models.BooleanField(default=False, verbose_name='multi-valued')),
                ('case_exact', models.BooleanField(default=False, verbose_name='caseExact')),
                ('description', models.CharField(blank=True, default='', max_length=255, verbose_name='what it is for')),
                ('profile', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='attributes', to='orgs.schemaprofile')),
            ],
            options={
                'ordering': ('-carrier', 'name_key'),
                'constraints': [models.UniqueConstraint(fields=('profile', 'carrier', 'name_key'), name='profile_attribute_once')],
            },
        ),
    ]
