"""Scenes of imports."""

import io

from playwright.sync_api import Page

from groups_provisioning.actions import imports
from groups_provisioning.models import Import
from orgs.models import User
from scim import import_reading
from tests.browser.scene import Scene
from tests.factories import UserFactory
from tests.groups_provisioning.world import by_admin, org_of

LIST = "/people/import/"
FILE = """id,userName,externalId,givenName,familyName,email,title
1017,amara.okafor@northwind.example,00u17,Amara,Okafor,amara@northwind.example,Lead
1018,piotr.zielinski@northwind.example,00u18,Piotr,Zielinski,,Engineer
1018,noor.haddad@northwind.example,00u19,Noor,Haddad,,Engineer
1020,sven,00u20,Sven,Lindqvist,sven.lindqvist@northwind.example,
1021,tilda.berg@northwind.example,00u21,Tilda,Berg,,"=HYPERLINK(""https://example.org"")"
1022,uma.rao@northwind.example,00u22,Uma,Rao,,Engineer
"""


def _give(owner: User, name: str = "people-of-the-former-portal.csv", content: str = FILE) -> Import:
    org = org_of(owner)
    rows = import_reading.rows(org, io.BytesIO(content.encode()))
    return imports.begin(org=org, name=name, rows=rows, check=True, makes_admins=True, cause=by_admin(owner))


def _checked(owner: User) -> str:
    UserFactory.create(org=owner.org, user_name="uma.rao@northwind.example", scim_managed=False)
    UserFactory.create(org=owner.org, user_name="sven.lindqvist@northwind.example", scim_managed=False)
    return f"{LIST}{imports.run_to_end(_give(owner)).id}/"


def _running(owner: User) -> str:
    run = _give(owner)
    Import.objects.filter(id=run.id).update(rows=48_213, taken=19_500)
    return f"{LIST}{run.id}/"


def _stopped(owner: User) -> str:
    run = imports.run_to_end(_give(owner))
    imports.start(org=org_of(owner), import_id=run.id, makes_admins=True, cause=by_admin(owner))
    imports.cancel(org=org_of(owner), import_id=run.id, cause=by_admin(owner))
    return f"{LIST}{run.id}/"


def _listed(owner: User) -> str:
    _checked(owner)
    run = _give(owner, "groups.csv", "displayName,id\nPlatform,g1\n")
    imports.run_to_end(run)
    imports.start(org=org_of(owner), import_id=run.id, makes_admins=True, cause=by_admin(owner))
    imports.run_to_end(run)
    return LIST


def _nothing(owner: User) -> str:
    return LIST


def _unreadable(page: Page) -> None:
    page.get_by_label("CSV or JSON file").set_input_files(
        {"name": "people.csv", "mimeType": "text/csv", "buffer": b"userName,shoe size\nada,38\n"}
    )
    page.get_by_role("button", name="Check the file").click()
    page.get_by_text("There is no attribute").wait_for()


SCENES = {
    "imports": Scene(_listed),
    "imports-none": Scene(_nothing),
    "imports-unreadable": Scene(_nothing, _unreadable),
    "import-checked": Scene(_checked),
    "import-running": Scene(_running),
    "import-stopped": Scene(_stopped),
}
