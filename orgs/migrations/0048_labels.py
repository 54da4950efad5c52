"""Calls fields and models what people call them. No SQL."""

import django.contrib.postgres.fields
import django.db.models.deletion
import orgs.db.keys
from django.conf import settings
from django.db import migrations, models

from orgs.db.labels import Labels


class Migration(migrations.Migration):

    dependencies = [
        ('orgs', '0047_two_persons'),
    ]

    operations = [
        Labels(
            state_operations=[
                migrations.AlterModelOptions(
                    name='apikey',
                    options={'ordering': ('-created_at',), 'verbose_name': 'API key', 'verbose_name_plural': 'API keys'},
                ),
                migrations.AlterModelOptions(
                    name='change',
                    options={'verbose_name': 'change', 'verbose_name_plural': 'changes'},
                ),
                migrations.AlterModelOptions(
                    name='entity',
                    options={'verbose_name': 'target', 'verbose_name_plural': 'teams and other targets'},
                ),
                migrations.AlterModelOptions(
                    name='ledgerentry',
                    options={'verbose_name': 'effect', 'verbose_name_plural': 'effects'},
                ),
                migrations.AlterModelOptions(
                    name='mark',
                    options={'verbose_name': 'person waiting', 'verbose_name_plural': 'people waiting'},
                ),
                migrations.AlterModelOptions(
                    name='matter',
                    options={'ordering': ('-last_at',), 'verbose_name': 'needs attention', 'verbose_name_plural': 'needs attention'},
                ),
                migrations.AlterModelOptions(
                    name='organization',
                    options={'ordering': ('name_key', 'id'), 'verbose_name': 'organization', 'verbose_name_plural': 'organizations'},
                ),
                migrations.AlterModelOptions(
                    name='schemaprofile',
                    options={'ordering': ('name',), 'verbose_name': 'schema profile', 'verbose_name_plural': 'schema profiles'},
                ),
                migrations.AlterModelOptions(
                    name='scimtoken',
                    options={'ordering': ('-created_at',), 'verbose_name': 'SCIM token', 'verbose_name_plural': 'SCIM tokens'},
                ),
                migrations.AlterModelOptions(
                    name='turn',
                    options={'verbose_name': 'queue of an organization', 'verbose_name_plural': 'queues of organizations'},
                ),
                migrations.AlterModelOptions(
                    name='user',
                    options={'ordering': ('id',), 'verbose_name': 'person', 'verbose_name_plural': 'people'},
                ),
                migrations.AlterField(
                    model_name='apikey',
                    name='created_at',
                    field=models.DateTimeField(verbose_name='created'),
                ),
                migrations.AlterField(
                    model_name='apikey',
                    name='created_by',
                    field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='created by'),
                ),
                migrations.AlterField(
                    model_name='apikey',
                    name='expires_at',
                    field=models.DateTimeField(blank=True, null=True, verbose_name='expires'),
                ),
                migrations.AlterField(
                    model_name='apikey',
                    name='hint',
                    field=models.CharField(editable=False, max_length=20, verbose_name='shown as'),
                ),
                migrations.AlterField(
                    model_name='apikey',
                    name='id',
                    field=models.UUIDField(default=orgs.db.keys.uuid7, editable=False, primary_key=True, serialize=False, verbose_name='ID'),
                ),
                migrations.AlterField(
                    model_name='apikey',
                    name='last_used_address',
                    field=models.GenericIPAddressField(blank=True, null=True, verbose_name='last IP address'),
                ),
                migrations.AlterField(
                    model_name='apikey',
                    name='last_used_agent',
                    field=models.CharField(blank=True, default='', max_length=200, verbose_name='last user agent'),
                ),
                migrations.AlterField(
                    model_name='apikey',
                    name='last_used_at',
                    field=models.DateTimeField(blank=True, null=True, verbose_name='last used'),
                ),
                migrations.AlterField(
                    model_name='apikey',
                    name='org',
                    field=models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='api_keys', to='orgs.organization', verbose_name='organization'),
                ),
                migrations.AlterField(
                    model_name='apikey',
                    name='revoked_at',
                    field=models.DateTimeField(blank=True, null=True, verbose_name='revoked'),
                ),
                migrations.AlterField(
                    model_name='apikey',
                    name='revoked_by',
                    field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='revoked by'),
                ),
                migrations.AlterField(
                    model_name='apikey',
                    name='taken_over_by',
                    field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='responsible for it'),
                ),
                migrations.AlterField(
                    model_name='change',
                    name='by_key',
                    field=models.ForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='orgs.apikey', verbose_name='by the API key'),
                ),
                migrations.AlterField(
                    model_name='change',
                    name='by_person',
                    field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='changes', to=settings.AUTH_USER_MODEL, verbose_name='by the person'),
                ),
                migrations.AlterField(
                    model_name='change',
                    name='by_token',
                    field=models.ForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='changes', to='orgs.scimtoken', verbose_name='by the SCIM token'),
                ),
                migrations.AlterField(
                    model_name='change',
                    name='detail',
                    field=models.JSONField(default=dict, verbose_name='details'),
                ),
                migrations.AlterField(
                    model_name='change',
                    name='door',
                    field=models.CharField(choices=[('scim', 'SCIM'), ('page', 'Portal'), ('link', 'Setup link'), ('api', 'API'), ('admin', 'Support'), ('command', 'Command line'), ('clock', 'Muster itself')], max_length=10, verbose_name='through'),
                ),
                migrations.AlterField(
                    model_name='change',
                    name='id',
                    field=models.UUIDField(default=orgs.db.keys.uuid7, editable=False, primary_key=True, serialize=False, verbose_name='ID'),
                ),
                migrations.AlterField(
                    model_name='change',
                    name='org',
                    field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='changes', to='orgs.organization', verbose_name='organization'),
                ),
                migrations.AlterField(
                    model_name='change',
                    name='request_id',
                    field=models.UUIDField(null=True, verbose_name='request ID'),
                ),
                migrations.AlterField(
                    model_name='change',
                    name='verb',
                    field=models.CharField(max_length=50, verbose_name='kind of change'),
                ),
                migrations.AlterField(
                    model_name='entity',
                    name='created_at',
                    field=models.DateTimeField(verbose_name='created'),
                ),
                migrations.AlterField(
                    model_name='entity',
                    name='deleted_at',
                    field=models.DateTimeField(blank=True, null=True, verbose_name='deleted'),
                ),
                migrations.AlterField(
                    model_name='entity',
                    name='id',
                    field=models.UUIDField(default=orgs.db.keys.uuid7, editable=False, primary_key=True, serialize=False, verbose_name='ID'),
                ),
                migrations.AlterField(
                    model_name='entity',
                    name='org',
                    field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='entities', to='orgs.organization', verbose_name='organization'),
                ),
                migrations.AlterField(
                    model_name='entity',
                    name='session_limit',
                    field=models.PositiveIntegerField(blank=True, help_text='Parallel sessions of a concurrency group; empty means no limit.', null=True, verbose_name='parallel sessions'),
                ),
                migrations.AlterField(
                    model_name='erasure',
                    name='org',
                    field=models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='orgs.organization', verbose_name='organization'),
                ),
                migrations.AlterField(
                    model_name='feeditem',
                    name='org',
                    field=models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='orgs.organization', verbose_name='organization'),
                ),
                migrations.AlterField(
                    model_name='feedtouch',
                    name='org',
                    field=models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='orgs.organization', verbose_name='organization'),
                ),
                migrations.AlterField(
                    model_name='handplacement',
                    name='org',
                    field=models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='orgs.organization', verbose_name='organization'),
                ),
                migrations.AlterField(
                    model_name='historyitem',
                    name='org',
                    field=models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='orgs.organization', verbose_name='organization'),
                ),
                migrations.AlterField(
                    model_name='identitylink',
                    name='org',
                    field=models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='orgs.organization', verbose_name='organization'),
                ),
                migrations.AlterField(
                    model_name='invitation',
                    name='org',
                    field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='invitations', to='orgs.organization', verbose_name='organization'),
                ),
                migrations.AlterField(
                    model_name='ledgerentry',
                    name='now',
                    field=models.JSONField(null=True, verbose_name='after'),
                ),
                migrations.AlterField(
                    model_name='ledgerentry',
                    name='org',
                    field=models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='orgs.organization', verbose_name='organization'),
                ),
                migrations.AlterField(
                    model_name='ledgerentry',
                    name='slot',
                    field=models.CharField(max_length=20, verbose_name='effect on'),
                ),
                migrations.AlterField(
                    model_name='ledgerentry',
                    name='user',
                    field=models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='ledger', to=settings.AUTH_USER_MODEL, verbose_name='person'),
                ),
                migrations.AlterField(
                    model_name='ledgerentry',
                    name='was',
                    field=models.JSONField(null=True, verbose_name='before'),
                ),
                migrations.AlterField(
                    model_name='mail',
                    name='error',
                    field=models.CharField(blank=True, default='', max_length=200, verbose_name='mail server said'),
                ),
                migrations.AlterField(
                    model_name='mail',
                    name='id',
                    field=models.UUIDField(default=orgs.db.keys.uuid7, editable=False, primary_key=True, serialize=False, verbose_name='ID'),
                ),
                migrations.AlterField(
                    model_name='mail',
                    name='kind',
                    field=models.CharField(choices=[('token', 'A new SCIM token'), ('setup_link', 'A setup link'), ('sso', 'A change of single sign-on'), ('access', 'Who has access'), ('webhook', 'A webhook that was disabled'), ('owner', 'The owner account'), ('factor', 'A second factor'), ('invitation', 'An invitation'), ('password', 'A link to set a password'), ('sign_in', 'Where to sign in'), ('last_admin', 'An organization without an admin'), ('matters', 'What needs attention, at once'), ('digest', 'What needs attention, daily')], max_length=10, verbose_name='about'),
                ),
                migrations.AlterField(
                    model_name='mail',
                    name='org',
                    field=models.ForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='orgs.organization', verbose_name='organization'),
                ),
                migrations.AlterField(
                    model_name='mail',
                    name='state',
                    field=models.CharField(choices=[('waiting', 'Waiting'), ('sent', 'Sent'), ('refused', 'Refused')], default='waiting', max_length=7, verbose_name='status'),
                ),
                migrations.AlterField(
                    model_name='mail',
                    name='tries',
                    field=models.PositiveSmallIntegerField(default=0, verbose_name='failed attempts'),
                ),
                migrations.AlterField(
                    model_name='mailchoices',
                    name='org',
                    field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='orgs.organization', verbose_name='organization'),
                ),
                migrations.AlterField(
                    model_name='mailedmatter',
                    name='org',
                    field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='orgs.organization', verbose_name='organization'),
                ),
                migrations.AlterField(
                    model_name='mark',
                    name='org',
                    field=models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='orgs.organization', verbose_name='organization'),
                ),
                migrations.AlterField(
                    model_name='mark',
                    name='user',
                    field=models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='person'),
                ),
                migrations.AlterField(
                    model_name='matter',
                    name='count',
                    field=models.PositiveBigIntegerField(default=1, verbose_name='times'),
                ),
                migrations.AlterField(
                    model_name='matter',
                    name='detail',
                    field=models.JSONField(default=dict, verbose_name='details'),
                ),
                migrations.AlterField(
                    model_name='matter',
                    name='org',
                    field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='orgs.organization', verbose_name='organization'),
                ),
                migrations.AlterField(
                    model_name='organization',
                    name='created_at',
                    field=models.DateTimeField(auto_now_add=True, verbose_name='created'),
                ),
                migrations.AlterField(
                    model_name='organization',
                    name='group_provisioning',
                    field=models.BooleanField(default=False, verbose_name='group provisioning'),
                ),
                migrations.AlterField(
                    model_name='organization',
                    name='group_provisioning_activated',
                    field=models.BooleanField(default=False, help_text="Activated by support; the org's admins then switch it on and off.", verbose_name='group provisioning activated by support'),
                ),
                migrations.AlterField(
                    model_name='organization',
                    name='id',
                    field=models.UUIDField(default=orgs.db.keys.uuid7, editable=False, primary_key=True, serialize=False, verbose_name='ID'),
                ),
                migrations.AlterField(
                    model_name='organization',
                    name='profile',
                    field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='orgs', to='orgs.schemaprofile', verbose_name='schema profile'),
                ),
                migrations.AlterField(
                    model_name='organization',
                    name='sso_configured',
                    field=models.BooleanField(default=False, verbose_name='single sign-on elsewhere'),
                ),
                migrations.AlterField(
                    model_name='orgdeletion',
                    name='asked_at',
                    field=models.DateTimeField(verbose_name='begun'),
                ),
                migrations.AlterField(
                    model_name='orgdeletion',
                    name='asked_by',
                    field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='deleted by'),
                ),
                migrations.AlterField(
                    model_name='orgdeletion',
                    name='finished_at',
                    field=models.DateTimeField(null=True, verbose_name='finished'),
                ),
                migrations.AlterField(
                    model_name='pendingdomain',
                    name='org',
                    field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='pending_domains', to='orgs.organization', verbose_name='organization'),
                ),
                migrations.AlterField(
                    model_name='profileattribute',
                    name='case_exact',
                    field=models.BooleanField(default=False, verbose_name='exact case (caseExact)'),
                ),
                migrations.AlterField(
                    model_name='role',
                    name='is_admin',
                    field=models.BooleanField(default=False, help_text='People with this role administer their organization.', verbose_name='admin role'),
                ),
                migrations.AlterField(
                    model_name='role',
                    name='is_default',
                    field=models.BooleanField(default=False, verbose_name='default role'),
                ),
                migrations.AlterField(
                    model_name='schemaprofile',
                    name='group_extension_aliases',
                    field=django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=255), blank=True, default=list, size=None, verbose_name='other URNs of the group extension'),
                ),
                migrations.AlterField(
                    model_name='schemaprofile',
                    name='group_role_attribute',
                    field=models.CharField(blank=True, default='', max_length=100, verbose_name='attribute with the roles of members'),
                ),
                migrations.AlterField(
                    model_name='schemaprofile',
                    name='placement_attribute',
                    field=models.CharField(blank=True, default='', max_length=100, verbose_name='attribute with the concurrency group'),
                ),
                migrations.AlterField(
                    model_name='schemaprofile',
                    name='role_attribute',
                    field=models.CharField(default='roles', max_length=100, verbose_name='attribute with the role'),
                ),
                migrations.AlterField(
                    model_name='schemaprofile',
                    name='role_attribute_is_array',
                    field=models.BooleanField(default=True, verbose_name='the attribute holds several roles'),
                ),
                migrations.AlterField(
                    model_name='schemaprofile',
                    name='role_policy',
                    field=models.CharField(choices=[('highest', 'The highest role counts'), ('union', 'All roles count together')], default='highest', max_length=10, verbose_name='people with several roles'),
                ),
                migrations.AlterField(
                    model_name='schemaprofile',
                    name='user_extension_aliases',
                    field=django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=255), blank=True, default=list, size=None, verbose_name='other URNs of the user extension'),
                ),
                migrations.AlterField(
                    model_name='schemaprofile',
                    name='user_name_is_email',
                    field=models.BooleanField(default=True, verbose_name='the userName is an e-mail address'),
                ),
                migrations.AlterField(
                    model_name='schemaprofile',
                    name='user_name_is_mutable',
                    field=models.BooleanField(default=True, verbose_name='the userName may change'),
                ),
                migrations.AlterField(
                    model_name='scimtoken',
                    name='confirmed_at',
                    field=models.DateTimeField(null=True, verbose_name='confirmed'),
                ),
                migrations.AlterField(
                    model_name='scimtoken',
                    name='created_at',
                    field=models.DateTimeField(verbose_name='created'),
                ),
                migrations.AlterField(
                    model_name='scimtoken',
                    name='created_by',
                    field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='created by'),
                ),
                migrations.AlterField(
                    model_name='scimtoken',
                    name='expires_at',
                    field=models.DateTimeField(blank=True, null=True, verbose_name='expires'),
                ),
                migrations.AlterField(
                    model_name='scimtoken',
                    name='hint',
                    field=models.CharField(editable=False, max_length=20, verbose_name='shown as'),
                ),
                migrations.AlterField(
                    model_name='scimtoken',
                    name='id',
                    field=models.UUIDField(default=orgs.db.keys.uuid7, editable=False, primary_key=True, serialize=False, verbose_name='ID'),
                ),
                migrations.AlterField(
                    model_name='scimtoken',
                    name='idp',
                    field=models.CharField(choices=[('okta', 'Okta'), ('entra', 'Microsoft Entra ID'), ('pingone', 'PingOne'), ('jumpcloud', 'JumpCloud'), ('onelogin', 'OneLogin'), ('google', 'Google Workspace'), ('other', 'Another')], default='other', max_length=12, verbose_name='identity provider'),
                ),
                migrations.AlterField(
                    model_name='scimtoken',
                    name='last_used_address',
                    field=models.GenericIPAddressField(blank=True, null=True, verbose_name='last IP address'),
                ),
                migrations.AlterField(
                    model_name='scimtoken',
                    name='last_used_agent',
                    field=models.CharField(blank=True, default='', max_length=200, verbose_name='last user agent'),
                ),
                migrations.AlterField(
                    model_name='scimtoken',
                    name='last_used_at',
                    field=models.DateTimeField(blank=True, null=True, verbose_name='last used'),
                ),
                migrations.AlterField(
                    model_name='scimtoken',
                    name='org',
                    field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='scim_tokens', to='orgs.organization', verbose_name='organization'),
                ),
                migrations.AlterField(
                    model_name='scimtoken',
                    name='revoked_at',
                    field=models.DateTimeField(blank=True, null=True, verbose_name='revoked'),
                ),
                migrations.AlterField(
                    model_name='scimtoken',
                    name='revoked_by',
                    field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='revoked by'),
                ),
                migrations.AlterField(
                    model_name='scimtoken',
                    name='setup_link',
                    field=models.ForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='tokens', to='orgs.setuplink', verbose_name='setup link'),
                ),
                migrations.AlterField(
                    model_name='scimtoken',
                    name='taken_over_by',
                    field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='responsible for it'),
                ),
                migrations.AlterField(
                    model_name='setuplink',
                    name='org',
                    field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='setup_links', to='orgs.organization', verbose_name='organization'),
                ),
                migrations.AlterField(
                    model_name='ssosignin',
                    name='org',
                    field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='orgs.organization', verbose_name='organization'),
                ),
                migrations.AlterField(
                    model_name='standing',
                    name='org',
                    field=models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='orgs.organization', verbose_name='organization'),
                ),
                migrations.AlterField(
                    model_name='supportview',
                    name='org',
                    field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='orgs.organization', verbose_name='organization'),
                ),
                migrations.AlterField(
                    model_name='turn',
                    name='held_reason',
                    field=models.TextField(blank=True, default='', verbose_name='on hold because'),
                ),
                migrations.AlterField(
                    model_name='turn',
                    name='org',
                    field=models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='turn', serialize=False, to='orgs.organization', verbose_name='organization'),
                ),
                migrations.AlterField(
                    model_name='user',
                    name='created_at',
                    field=models.DateTimeField(verbose_name='created'),
                ),
                migrations.AlterField(
                    model_name='user',
                    name='external_id',
                    field=models.TextField(blank=True, default='', verbose_name='external ID'),
                ),
                migrations.AlterField(
                    model_name='user',
                    name='id',
                    field=models.UUIDField(default=orgs.db.keys.uuid7, editable=False, primary_key=True, serialize=False, verbose_name='ID'),
                ),
                migrations.AlterField(
                    model_name='user',
                    name='idp_active',
                    field=models.BooleanField(editable=False, null=True, verbose_name='identity provider says'),
                ),
                migrations.AlterField(
                    model_name='user',
                    name='idp_roles',
                    field=django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=50), blank=True, null=True, size=None, verbose_name='roles from the identity provider'),
                ),
                migrations.AlterField(
                    model_name='user',
                    name='manual_roles',
                    field=django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=50), blank=True, null=True, size=None, verbose_name='roles set by hand'),
                ),
                migrations.AlterField(
                    model_name='user',
                    name='modified_at',
                    field=models.DateTimeField(verbose_name='last changed'),
                ),
                migrations.AlterField(
                    model_name='user',
                    name='org',
                    field=models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='people', to='orgs.organization', verbose_name='organization'),
                ),
            ],
        ),
    ]
