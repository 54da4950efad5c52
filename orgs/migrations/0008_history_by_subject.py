import django.db.models.deletion
from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Coalesce


class Migration(migrations.Migration):
    """Apart, since an index on a table in use is built beside its writers, and outside of a transaction."""

    atomic = False

    dependencies = [
        ('orgs', '0007_indexes_of_the_engine'),
    ]

    operations = [
        migrations.AlterField(
            model_name='change',
            name='door',
            field=models.CharField(choices=[('scim', 'SCIM'), ('page', 'Portal'), ('admin', 'Support'), ('command', 'Command line'), ('clock', 'Muster itself')], max_length=10),
        ),
        AddIndexConcurrently(
            model_name='change',
            index=models.Index(models.F('org'), models.Func(models.F('verb'), models.Value('.'), models.Value(1), function='split_part', output_field=models.TextField()), models.F('id'), name='change_family'),
        ),
        AddIndexConcurrently(
            model_name='change',
            index=models.Index(models.F('org'), Coalesce(KeyTextTransform('user', 'detail'), KeyTextTransform('group', 'detail'), KeyTextTransform('entity', 'detail')), models.F('id'), name='change_subject'),
        ),
        AddIndexConcurrently(
            model_name='change',
            index=GinIndex(condition=models.Q(('detail__has_any_keys', ('mappings', 'entities'))), fields=['detail'], name='change_lists', opclasses=['jsonb_path_ops']),
        ),
        # Before the index of the column alone goes.
        AddIndexConcurrently(
            model_name='ledgerentry',
            index=models.Index(fields=['change', 'id'], name='ledger_of_change'),
        ),
        AddIndexConcurrently(
            model_name='ledgerentry',
            index=models.Index(condition=models.Q(('now__isnull', False), ('slot__in', ('team', 'concurrency_group', 'sub_organization'))), fields=['org', 'now', 'change'], name='ledger_came'),
        ),
        AddIndexConcurrently(
            model_name='ledgerentry',
            index=models.Index(condition=models.Q(('slot__in', ('team', 'concurrency_group', 'sub_organization')), ('was__isnull', False)), fields=['org', 'was', 'change'], name='ledger_left'),
        ),
        migrations.AlterField(
            model_name='ledgerentry',
            name='change',
            field=models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='entries', to='orgs.change'),
        ),
    ]
