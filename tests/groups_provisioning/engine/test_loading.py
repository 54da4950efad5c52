"""What is read for one person, by a function of the database, is what is read for many."""

from django.db import connection

from groups_provisioning.engine import loading
from groups_provisioning.models import Conflict
from orgs.models import EntityKind, Organization, User
from tests.conftest import Idp
from tests.factories import MappingFactory, OrganizationFactory, UserFactory
from tests.groups_provisioning.world import push, push_user, settle_marked


def test_the_database_has_the_function_as_it_is_written_here(db: None) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT prosrc FROM pg_proc WHERE proname = 'engine_person_with_hold'")
        assert cursor.fetchall() == [(loading.PERSON_FUNCTION.split("$$")[1],)]


def test_one_person_is_read_as_one_of_many(org: Organization, idp: Idp) -> None:
    ada, bo, _ = (push_user(idp, name) for name in ("ada", "bo", "cy"))
    for name in ("First", "Second"):
        MappingFactory.create(group=push(idp, name, ada, bo), kind=EntityKind.CONCURRENCY_GROUP)
    settle_marked(org)
    UserFactory.create(org=org, active=False)
    everybody = set(User.objects.for_org(org).values_list("id", flat=True))
    assert Conflict.objects.for_org(org).count() == 2
    many = {known.id: known for known in loading.load(org, everybody).people}
    assert set(many) == everybody
    for id_, known in many.items():
        assert loading.load(org.id, [id_]).people == [known]


def test_somebody_of_another_org_is_not_read(org: Organization, idp: Idp) -> None:  # O7
    ada = push_user(idp, "ada")
    assert loading.load(org, [ada]).people
    assert loading.load(OrganizationFactory.create(), [ada]).people == []
