"""Bodies as servers hand them on: whole, in chunks, or cut off."""

from io import BytesIO
from typing import Any

import pytest

from api.bodies import receive
from api.problems import Problem
from groups_provisioning.models import Import
from orgs.models import Organization
from tests.api.program import Program, contents, problem

CSV = b"userName\nada@corp.example\nbo@corp.example\n"


class Request:
    """What `receive` needs of one. length: that the client announced; None if it sends chunks."""

    def __init__(self, sent: bytes, length: int | None) -> None:
        self.META: dict[str, Any] = {"wsgi.input": BytesIO(sent)}
        self.META |= {"HTTP_TRANSFER_ENCODING": "chunked"} if length is None else {"CONTENT_LENGTH": str(length)}


@pytest.mark.parametrize(
    ("sent", "length", "status"),
    [
        (b"12345", 5, None),
        (b"", 0, None),
        (b"12345678", 8, None),
        (b"123456789", 9, 413),
        (b"12345", 9, 413),
        (b"12345", 6, 400),
        (b"", 1, 400),
        (b"12345", None, None),
        (b"", None, None),
        (b"12345678", None, None),
        (b"123456789", None, 413),
    ],
)
def test_a_body_is_taken_whole_or_not_at_all(sent: bytes, length: int | None, status: int | None) -> None:  # E2
    file = BytesIO()
    request: Any = Request(sent, length)
    if status is None:
        receive(request, file, most=8)
        assert file.getvalue() == sent
    else:
        with pytest.raises(Problem) as refused:
            receive(request, file, most=8)
        assert refused.value.status == status


def test_nothing_is_done_of_a_request_that_is_cut_off(org: Organization) -> None:  # E2, E6
    program = Program(org)
    at, before = f"/api/v1/organizations/{org.id}", contents()
    for method, path, sent, content_type in (
        ("PATCH", at, b"{}", "application/json"),
        ("POST", f"{at}/imports", CSV, "text/csv"),
    ):
        answer = program.http.generic(method, path, sent, content_type=content_type, CONTENT_LENGTH=str(len(sent) + 9))
        assert problem(answer) == (400, "")
    assert contents() == before


def test_an_import_may_come_in_chunks(org: Organization) -> None:  # E6
    answer = Program(org).http.generic(
        "POST",
        f"/api/v1/organizations/{org.id}/imports",
        CSV,
        content_type="text/csv",
        CONTENT_LENGTH="",
        HTTP_TRANSFER_ENCODING="chunked",
        **{"wsgi.input": BytesIO(CSV)},
    )
    assert (answer.status_code, Import.objects.get().rows) == (202, 2)
