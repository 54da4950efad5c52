"""The three schema profiles that are built in (SPEC section 2)."""

from django.db import migrations

BUILT_IN = (
    {
        "key": "standard",
        "name": "Standard (RFC 7643)",
        "role_attribute": "roles",
        "role_attribute_is_array": True,
        "role_policy": "highest",
        "user_name_is_email": False,
        "user_name_is_mutable": True,
        "roles": [("Admin", 20, "admin"), ("Member", 10, "default")],
    },
    {
        "key": "lambdatest",
        "name": "LambdaTest / TestMu AI",
        "user_extension": "urn:ietf:params:scim:schemas:extension:LambdaTest:2.0:User",
        "user_extension_aliases": ["urn:ietf:params:scim:schemas:extension:TestMu AI:2.0:User"],
        "group_extension": "urn:ietf:params:scim:schemas:extension:LambdaTest:2.0:Group",
        "group_extension_aliases": ["urn:ietf:params:scim:schemas:extension:TestMu AI:2.0:Group"],
        "role_attribute": "OrganizationRole",
        "role_attribute_is_array": False,
        "placement_attribute": "LambdatestGroup",
        "group_role_attribute": "LambdatestRoles",
        "role_policy": "highest",
        "user_name_is_email": True,
        "user_name_is_mutable": False,
        "roles": [("Admin", 30, "admin"), ("User", 20, "default"), ("Guest", 10, "")],
    },
    {
        "key": "testomat",
        "name": "Testomat.io",
        "user_extension": "urn:ietf:params:scim:schemas:extension:testomat:2.0:User",
        "role_attribute": "testomat_roles",
        "role_attribute_is_array": True,
        "role_policy": "union",
        "user_name_is_email": True,
        "user_name_is_mutable": True,
        "starting_rules": [{"pattern_type": "match_all", "target_kind": "team", "auto_approve": True}],
        "roles": [("manager", 40, "admin"), ("billing", 30, ""), ("read", 20, ""), ("qa", 10, "default")],
    },
)


def install(apps, schema_editor):
    """Add those of the built-in profiles that are missing, with what the model has of them."""
    profiles = apps.get_model("orgs", "SchemaProfile").objects
    roles = apps.get_model("orgs", "Role").objects
    columns = {field.name for field in profiles.model._meta.fields} - {"key"}
    for built_in in BUILT_IN:
        values = {name: value for name, value in built_in.items() if name in columns}
        profile, added = profiles.get_or_create(key=built_in["key"], defaults=values)
        if added:
            roles.bulk_create(
                roles.model(profile_id=profile.pk, key=key, rank=rank, is_admin=mark == "admin", is_default=mark == "default")
                for key, rank, mark in built_in["roles"]
            )


class Migration(migrations.Migration):
    dependencies = [("orgs", "0001_initial")]
    operations = [migrations.RunPython(install, migrations.RunPython.noop)]
