"""What is read of the members of one group, by a function of the database."""

from django.db import connection

from groups_provisioning.actions import members


def test_the_database_has_the_function_as_it_is_written_here(db: None) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT prosrc FROM pg_proc WHERE proname = 'members_listed'")
        assert cursor.fetchall() == [(members.LISTED_FUNCTION.split("$$")[1],)]
