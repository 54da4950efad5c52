import django.contrib.postgres.indexes
import django.contrib.postgres.search
from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models

# IMMUTABLE though concat_ws and array_to_string are not: of text alone, they depend on no setting. COST: as measured,
# about 80 microseconds, so that a plan uses the index rather than make the words of every row anew.
CREATE = r"""
CREATE OR REPLACE FUNCTION orgs_person_words(
    org uuid, user_name_key text, folded jsonb, external_id text, email_keys text[]
) RETURNS tsvector LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE COST 5000
RETURN array_to_tsvector(ARRAY(
    SELECT right(org::text, 12) || left(word, 64)
    FROM regexp_split_to_table(
        left(lower(concat_ws(' ',
            user_name_key, folded ->> 'displayName', folded #>> '{name,givenName}', folded #>> '{name,familyName}',
            external_id, array_to_string(email_keys, ' ')
        ) COLLATE "C"), 8000),
        '[\u0001-\u002f\u003a-\u0060\u007b-\u00a0\u2000-\u206f\u3000]+'
    ) AS word
    WHERE word <> ''
))
"""
DROP = "DROP FUNCTION orgs_person_words(uuid, text, jsonb, text, text[])"


class Migration(migrations.Migration):
    """Not in one transaction, since the index on a table in use is built beside its writers."""

    atomic = False

    dependencies = [
        ('orgs', '0020_token_in_clear'),
    ]

    operations = [
        migrations.RunSQL(CREATE, DROP),
        AddIndexConcurrently(
            model_name='user',
            index=django.contrib.postgres.indexes.GinIndex(models.Func(models.F('org'), models.F('user_name_key'), models.F('folded'), models.F('external_id'), models.F('email_keys'), function='orgs_person_words', output_field=django.contrib.postgres.search.SearchVectorField()), fastupdate=False, name='user_words'),
        ),
    ]
