"""Imports by page, by support, and on the command line."""

from io import StringIO
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from groups_provisioning import tasks
from groups_provisioning.actions import imports
from groups_provisioning.models import Import, ImportRow, Phase
from orgs.models import Change, Organization, User
from orgs.traces import Traces
from scim import import_forms
from tests.conftest import signed_in
from tests.factories import OrganizationFactory, OwnerFactory, StaffFactory
from tests.page_text import text

pytestmark = pytest.mark.usefixtures("db")

CSV = "userName,id,title\nada@corp.example,17,Lead\nbo@corp.example,18,=1+1\n"


def upload(name: str = "people.csv", content: str | bytes = CSV) -> SimpleUploadedFile:
    return SimpleUploadedFile(name, content.encode() if isinstance(content, str) else content)


@pytest.fixture
def browser(org: Organization) -> Client:
    return signed_in(OwnerFactory.create(org=org))


class TestThePage:
    def test_checks_a_file_shows_what_it_would_do_and_does_it(self, org: Organization, browser: Client) -> None:  # E6
        answer = browser.post(reverse("imports"), {"file": upload()}, follow=True)
        assert "aria-busy" in answer.content.decode()
        tasks.settle_pending()
        run = Import.objects.get()
        page = browser.get(reverse("import", args=[run.id]))
        assert "Nothing has been imported yet" in text(page)
        assert "Import 1 row" in text(page)
        assert "“title” begins with an equals sign" in text(page)
        browser.post(reverse("import-start", args=[run.id]))
        tasks.settle_pending()
        assert User.objects.for_org(org).get(is_owner=False).reference == "17"
        rows = b"".join(browser.get(reverse("import-export", args=[run.id]))).decode()
        assert '"2","Person","ada@corp.example","","New","","yes"' in rows
        assert '"3","Person","bo@corp.example","","Refused"' in rows
        assert Change.objects.get(verb="import.ended").by_person == User.objects.get(is_owner=True, org=org)

    def test_gives_nobody_the_admin_role_where_two_persons_decide(
        self, org: Organization, browser: Client
    ) -> None:  # T6
        Organization.objects.update(two_persons=True)
        people = "userName,roles\nada@corp.example,Admin\nbo@corp.example,Member\n"
        browser.post(reverse("imports"), {"file": upload(content=people)})
        tasks.settle_pending()
        run = Import.objects.get()
        assert "administers the organization, and whoever imports may not" in text(
            browser.get(reverse("import", args=[run.id]))
        )
        browser.post(reverse("import-start", args=[run.id]))
        tasks.settle_pending()
        assert [user.user_name for user in User.objects.filter(is_owner=False)] == ["bo@corp.example"]

    def test_takes_no_file_that_would_take_too_long(self, browser: Client, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(import_forms, "MOST_BYTES_OF_A_REQUEST", 10)
        page = browser.post(reverse("imports"), {"file": upload()})
        assert "Split it" in text(page)

    @pytest.mark.parametrize("size", [1, 200_000])
    def test_takes_files_in_memory_and_on_disk(self, org: Organization, browser: Client, size: int) -> None:
        lines = "".join(f"p{number}@corp.example,\n" for number in range(size // 20 + 1))
        browser.post(reverse("imports"), {"file": upload(content=f"userName,title\n{lines}")})
        assert ImportRow.objects.count() == size // 20 + 1

    @pytest.mark.parametrize(
        ("content", "words"),
        [
            (b"userName,shoe\nada,x\n", "Row 1: There is no attribute “shoe”."),
            (b"first,last\nada,x\n", "The first row has to name the columns"),
            (b"userName\nada\n\xe9\n", "The file is not UTF-8."),
            (b"userName\n", "The file has no rows."),
            (b'userName\n"ada\n', "This is not CSV"),
        ],
    )
    def test_says_what_is_wrong_with_a_file(self, browser: Client, content: bytes, words: str) -> None:
        assert words in text(browser.post(reverse("imports"), {"file": upload(content=content)}))
        assert not Import.objects.exists()

    def test_of_an_import_that_was_cancelled_says_what_is_missing(self, org: Organization, browser: Client) -> None:
        browser.post(reverse("imports"), {"file": upload()})
        run = Import.objects.get()
        browser.post(reverse("import-cancel", args=[run.id]))
        run.refresh_from_db()
        assert run.phase == Phase.CANCELLED
        assert "people.csv" in text(browser.get(reverse("imports")))


class TestSupport:
    def test_imports_into_an_org_that_it_names(self, org: Organization) -> None:
        support = signed_in(StaffFactory.create())
        add = reverse("admin:groups_provisioning_import_add")
        assert "There is no organization" in text(support.post(add, {"org": "nobody", "file": upload()}))
        page = support.post(add, {"org": org.slug, "file": upload()}, follow=True)
        assert page.status_code == 200
        tasks.settle_pending()
        run = Import.objects.get(org=org)
        changes = reverse("admin:groups_provisioning_import_changelist")
        support.post(changes, {"action": "start", "_selected_action": [str(run.id)]})
        tasks.settle_pending()
        assert "Person: New: 1" in text(support.get(reverse("admin:groups_provisioning_import_change", args=[run.id])))
        assert User.objects.for_org(org).get().reference == "17"


class TestTheCommand:
    def test_says_what_would_become_of_the_rows_and_then_what_did(self, org: Organization, tmp_path: Path) -> None:
        file, said = tmp_path / "people.csv", StringIO()
        file.write_text(CSV)
        call_command("import_directory", org.slug, str(file), "--dry-run", stdout=said)
        words = "“title” begins with an equals sign: export the value instead of the formula."
        told = f"Person: New: 1\nPerson: Refused: 1\nRow 3: bo@corp.example: Refused: {words}\n"
        assert said.getvalue() == told
        assert not User.objects.for_org(org).exists()
        call_command("import_directory", org.slug, str(file), stdout=said)
        assert said.getvalue() == told * 2
        assert User.objects.for_org(org).count() == 1

    @pytest.mark.parametrize(
        ("org_name", "content", "words"),
        [
            ("nobody", CSV, "There is no organization nobody."),
            ("", "userName,shoe\na,b\n", "Row 1: There is no attribute “shoe”."),
            ("", "", "The file has no rows."),
            ("", None, "No such file or directory"),
        ],
    )
    def test_refuses_what_it_cannot_read(
        self, org: Organization, tmp_path: Path, org_name: str, content: str | None, words: str
    ) -> None:
        file = tmp_path / "people.csv"
        if content is not None:
            file.write_text(content)
        with pytest.raises(CommandError, match=words):
            call_command("import_directory", org_name or org.slug, str(file))


def test_rows_that_show_somebody_who_was_erased_are_deleted(org: Organization) -> None:  # U5
    for each in (org, OrganizationFactory.create()):
        rows = [
            *(imports.NewRow(imports.Kind.MEMBERSHIP, 1, name, group="G") for name in ("a@corp.example", "17", "18")),
            imports.NewRow(imports.Kind.PERSON, 2, "b@corp.example", reference="17"),
            imports.NewRow(imports.Kind.GROUP, 3, "17", reference="17"),
        ]
        cause = imports.Cause(imports.Door.COMMAND, timezone.now())
        imports.begin(org=each, name="x", rows=rows, check=True, makes_admins=False, cause=cause)
    assert imports.forget_person(org.id, Traces(org.id, ["A@corp.example"]), reference="17") == 3
    assert list(ImportRow.objects.for_org(org).order_by("id").values_list("kind", "name")) == [
        (imports.Kind.MEMBERSHIP, "18"),
        (imports.Kind.GROUP, "17"),
    ]
    assert ImportRow.objects.count() == 7
    assert imports.forget_person(org.id, Traces(org.id, ["nobody@corp.example"]), reference="") == 0
