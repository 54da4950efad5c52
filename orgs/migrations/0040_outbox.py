"""Mails are written into one outbox, by what they tell of, and no longer collected table by table.

What the tables that go away have is of the last seconds before this runs: mails that a worker had not sent yet. Their
links are not made yet, so they cannot be moved. An invitation that waits for its mail is shown as not sent, so that
somebody sends it again; owners ask for a link on the sign-in page.
"""

import django.db.models.deletion
import orgs.db.keys
import orgs.db.sealed
import orgs.db.tenancy
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('orgs', '0039_who_answers_for_credentials'),
    ]

    operations = [
        migrations.RunSQL(
            "UPDATE orgs_invitation SET refused = true WHERE sent_at IS NULL AND ended_at IS NULL AND NOT refused",
            migrations.RunSQL.noop,
        ),
        migrations.CreateModel(
            name='Mail',
            fields=[
                ('id', models.UUIDField(default=orgs.db.keys.uuid7, editable=False, primary_key=True, serialize=False)),
                ('kind', models.CharField(choices=[('token', 'A new SCIM token'), ('setup_link', 'A setup link'), ('sso', 'A change of single sign-on'), ('access', 'Who has access'), ('webhook', 'A webhook that was disabled'), ('owner', 'The owner account'), ('factor', 'A second factor'), ('invitation', 'An invitation'), ('password', 'A link to set a password'), ('sign_in', 'Where to sign in'), ('last_admin', 'An organization without an admin'), ('matters', 'What needs attention, at once'), ('digest', 'What needs attention, daily')], max_length=10)),
                ('about', models.UUIDField(null=True)),
                ('address', models.CharField(max_length=254)),
                ('address_key', orgs.db.keys.FoldedField('address', db_collation='C', editable=False)),
                ('content', orgs.db.sealed.SealedField(blank=True, default='')),
                ('state', models.CharField(choices=[('waiting', 'Waiting'), ('sent', 'Sent'), ('refused', 'Refused')], default='waiting', max_length=7)),
                ('written_at', models.DateTimeField()),
                ('due_at', models.DateTimeField()),
                ('settled_at', models.DateTimeField(null=True)),
                ('tries', models.PositiveSmallIntegerField(default=0)),
                ('error', models.CharField(blank=True, default='', max_length=200)),
            ],
            options={
                'verbose_name': 'mail',
                'verbose_name_plural': 'mails',
                'ordering': ('-id',),
            },
        ),
        migrations.CreateModel(
            name='MailChoices',
            fields=[
                ('person', models.OneToOneField(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, primary_key=True, related_name='mail_choices', serialize=False, to=settings.AUTH_USER_MODEL)),
                ('times', models.JSONField(default=dict)),
            ],
        ),
        migrations.CreateModel(
            name='MailedMatter',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('key', models.CharField(max_length=120)),
                ('opened_at', models.DateTimeField()),
                ('seen_at', models.DateTimeField()),
                ('in_digest', models.BooleanField(default=False)),
            ],
        ),
        migrations.CreateModel(
            name='MatterRound',
            fields=[
                ('org', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, primary_key=True, related_name='matter_round', serialize=False, to='orgs.organization')),
                ('looked_at', models.DateTimeField(db_index=True)),
                ('digest_at', models.DateTimeField()),
            ],
        ),
        migrations.RemoveIndex(
            model_name='invitation',
            name='invitation_unsent',
        ),
        migrations.RemoveIndex(
            model_name='scimtoken',
            name='scim_token_untold',
        ),
        migrations.RemoveIndex(
            model_name='setuplink',
            name='setup_link_untold',
        ),
        migrations.RemoveField(
            model_name='scimtoken',
            name='told_at',
        ),
        migrations.RemoveField(
            model_name='setuplink',
            name='untold',
        ),
        migrations.AddField(
            model_name='mail',
            name='org',
            field=models.ForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='orgs.organization'),
        ),
        migrations.AddField(
            model_name='mail',
            name='person',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='mailchoices',
            name='org',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='orgs.organization'),
        ),
        migrations.AddField(
            model_name='mailedmatter',
            name='org',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='orgs.organization'),
        ),
        migrations.DeleteModel(
            name='AdminNews',
        ),
        migrations.DeleteModel(
            name='FactorLetter',
        ),
        migrations.DeleteModel(
            name='OwnerLetter',
        ),
        migrations.AddIndex(
            model_name='mail',
            index=models.Index(fields=['org', 'address_key'], name='mail_of_org'),
        ),
        migrations.AddIndex(
            model_name='mail',
            index=models.Index(condition=models.Q(('state', 'waiting')), fields=['due_at', 'id'], name='mail_waiting'),
        ),
        migrations.AddIndex(
            model_name='mail',
            index=models.Index(condition=models.Q(('about__isnull', False), ('state', 'waiting')), fields=['about'], name='mail_waiting_about'),
        ),
        migrations.AddConstraint(
            model_name='mail',
            constraint=orgs.db.tenancy.TenantKey(field='person', name='mail_person'),
        ),
        migrations.AddConstraint(
            model_name='mail',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('settled_at', None), ('state', 'waiting'), models.Q(models.Q(('content', ''), _negated=True), ('kind__in', ['password', 'sign_in']), _connector='OR')), models.Q(('content', ''), ('settled_at__isnull', False), ('state__in', ['sent', 'refused'])), _connector='OR'), name='mail_keeps_its_content_while_it_waits'),
        ),
        migrations.AddIndex(
            model_name='mailchoices',
            index=models.Index(fields=['org'], name='mail_choices_of_org'),
        ),
        migrations.AddConstraint(
            model_name='mailchoices',
            constraint=orgs.db.tenancy.TenantKey(field='person', name='mail_choices_person'),
        ),
        migrations.AddConstraint(
            model_name='mailedmatter',
            constraint=models.UniqueConstraint(fields=('org', 'key'), name='mailed_matter_once'),
        ),
    ]
