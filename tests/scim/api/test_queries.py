"""How a URL and a body are read before anybody looks at what they say."""

from urllib.parse import quote, quote_plus

import pytest

from orgs.models import User
from tests.conftest import Idp

NAME = "ada+tag@corp.example"


@pytest.fixture
def ada(idp: Idp) -> str:
    return str(idp.post("/Users", {"userName": NAME, "externalId": "1e3", "nickName": "a b"}).json()["id"])


def found(idp: Idp, query: str) -> list[str]:
    answer = idp.get(f"/Users?{query}")
    assert answer.status_code == 200, answer.content
    return [user["id"] for user in answer.json()["Resources"]]


class TestPlus:
    @pytest.mark.parametrize(
        "query",
        [
            f"filter=userName%20eq%20%22{NAME}%22",  # Spring's RestTemplate, JavaScript's encodeURI
            f"filter=userName%20eq%20{NAME}",
            f"filter=userName+eq+%22{NAME.replace('+', '%2B')}%22",  # Entra
            "filter=" + quote(f'userName eq "{NAME}"'),
            "filter=" + quote_plus(f'userName eq "{NAME}"'),
            "filter=nickName+eq+%22a+b%22",
            "filter=nickName%20eq%20%22a%20b%22",
            "filter=meta.lastModified%20gt%20%222024-01-01T00:00:00+00:00%22",
            f"startIndex=1&attributes=userName&filter=userName%20eq%20%22{NAME}%22&count=1",
        ],
    )
    def test_is_a_plus_where_spaces_are_spelled_out(self, idp: Idp, ada: str, query: str) -> None:  # S3
        assert found(idp, query) == [ada]

    def test_is_a_space_otherwise(self, idp: Idp, ada: str) -> None:  # S3
        assert found(idp, f"filter=userName+eq+%22{NAME}%22") == []
        answer = idp.get("/Users?filter=meta.created+gt+%222024-01-01T00:00:00+00:00%22")
        assert (answer.status_code, answer.json()["scimType"]) == (400, "invalidFilter")
        assert "%2B" in answer.json()["detail"]


class TestBareWords:
    @pytest.mark.parametrize(
        "text",
        [
            "externalId eq 1e3",
            "externalId eq 1e3 and active eq TRUE",
            "externalId sw 1e",
            "nickName sw a and userName co corp.example",
            "userName eq ADA%2Btag@corp.example",
        ],
    )
    def test_are_the_text_they_are(self, idp: Idp, ada: str, text: str) -> None:  # S3
        assert found(idp, "filter=" + text.replace(" ", "+")) == [ada]

    @pytest.mark.parametrize("text", ["externalId eq 1000", "externalId eq " + "9" * 400, "id eq 1", "active eq false"])
    def test_are_not_what_they_might_mean(self, idp: Idp, ada: str, text: str) -> None:
        assert found(idp, "filter=" + text.replace(" ", "+")) == []


class TestParameters:
    def test_lists_may_come_in_pieces_and_in_any_case(self, idp: Idp, ada: str) -> None:
        for path in (f"/Users/{ada}?", "/Users?"):
            answer = idp.get(f"{path}attributes=userName&ATTRIBUTES=nickName&attributes=active,externalId").json()
            (user,) = answer.get("Resources", [answer])
            assert user.keys() == {"schemas", "id", "userName", "nickName", "active", "externalId"}
            answer = idp.get(f"{path}excludedAttributes=userName&excludedattributes=nickName").json()
            (user,) = answer.get("Resources", [answer])
            assert not user.keys() & {"userName", "nickName"}

    @pytest.mark.parametrize("charset", ["iso-8859-1", "utf-16", "nonsense", "", '"UTF-8"', "shift_jis"])
    def test_the_charset_of_a_content_type_means_nothing(self, idp: Idp, charset: str) -> None:  # S10
        content_type = f"application/scim+json; charset={charset}"
        created = idp.post("/Users", '{"userName":"ö"}'.encode(), content_type=content_type)
        assert created.json()["userName"] == "ö"
        answer = idp("GET", "/Users?filter=userName%20eq%20%22%C3%B6%22", content_type=content_type)
        assert answer.json()["totalResults"] == 1


class TestNumbersBeyondAllBounds:
    NUMBERS = ("1" * 309, "9" * 400, "-" + "9" * 5000, "1e999", "-1E+400", "0." + "1" * 400 + "e400")
    PLACES = (
        '"title":{}',
        '"emails":[{{"primary":{}}}]',
        '"name":{{"givenName":{}}}',
        '"urn:acme:2.0:User":{{"a":[{}]}}',
        '"externalId":{}',
        '"active":{}',
    )

    @pytest.mark.parametrize("number", NUMBERS, ids=range(len(NUMBERS)))
    @pytest.mark.parametrize("place", PLACES)
    def test_are_400(self, idp: Idp, ada: str, number: str, place: str) -> None:  # U4, S2
        body = ('{"userName":"bob",' + place.format(number) + "}").encode()
        assert idp.post("/Users", body).status_code == 400
        assert idp.put(f"/Users/{ada}", body).status_code == 400
        operation = b'{"Operations":[{"op":"add","value":' + body + b"}]}"
        assert idp("PATCH", f"/Users/{ada}", operation).status_code == 400

    @pytest.mark.parametrize("number", NUMBERS, ids=range(len(NUMBERS)))
    def test_elsewhere_are_400(self, idp: Idp, number: str) -> None:  # S2
        for path, body in (
            ("/Users/.search", '{"count":%s}'),
            ("/Users/.search", '{"filter":%s}'),
            ("/Groups", '{"displayName":"x","members":[{"value":%s}]}'),
            ("/Groups", '{"displayName":%s}'),
            ("/Bulk", '{"failOnErrors":%s,"Operations":[]}'),
            ("/Bulk", '{"Operations":%s}'),
        ):
            assert idp.post(path, (body % number).encode()).status_code == 400, body
        for query in ("filter=active+eq+", "filter=meta.created+gt+", "count=", "startIndex="):
            assert idp.get(f"/Users?{query}{quote(number[:3000])}").status_code == 400, query

    @pytest.mark.parametrize("number", NUMBERS, ids=range(len(NUMBERS)))
    @pytest.mark.parametrize("place", PLACES[:-1])
    def test_never_stop_a_deactivation(self, idp: Idp, ada: str, number: str, place: str) -> None:  # U4
        body = ('{"active":false,' + place.format(number) + "}").encode()
        operations = b'{"Operations":[{"op":"replace","value":' + body + b"}]}"
        bulk = b'{"Operations":[{"method":"PATCH","path":"/Users/%s","data":%s}]}' % (ada.encode(), operations)
        for method, path, sent in (
            ("PUT", f"/Users/{ada}", body),
            ("PATCH", f"/Users/{ada}", operations),
            ("POST", "/Bulk", bulk),
        ):
            User.objects.filter(id=ada).update(active=True)
            assert idp(method, path, sent).status_code == 200
            assert not User.objects.get(id=ada).active

    def test_excuse_nothing_else(self, idp: Idp, ada: str) -> None:
        for body in (
            b'{"active":false,"a":1e999,',
            b'{"active":false,"a":[1e999,NaN]}',
            b'{"active":false,"a":[1e999,"\\ud800"]}',
            b"[" * 100_000 + b"1e999",
        ):
            assert idp.put(f"/Users/{ada}", body).status_code == 400
        assert User.objects.get(id=ada).active


class TestBrokenBodies:
    @pytest.mark.parametrize(
        ("body", "word"),
        [
            ('{"userName":"ä"}'.encode("latin-1"), "0xe4"),
            (b"\x1f\x8b\x08\x00", "compressed"),
            ('{"userName":"a"}'.encode("utf-16"), "UTF-16"),
            (b'{"userName":"\xc3"}', "UTF-8"),
            (b'{"userName":"\xed\xa0\x80"}', "UTF-8"),
            (b'{"userName":', "JSON"),
        ],
    )
    def test_are_told_what_is_wrong(self, idp: Idp, body: bytes, word: str) -> None:  # S2
        for method, path in (("POST", "/Users"), ("PUT", "/Users/x"), ("PATCH", "/Users/x")):
            answer = idp(method, path, body)
            assert (answer.status_code, answer.json()["scimType"]) == (400, "invalidSyntax")
            assert word in answer.json()["detail"]
            assert "surrogates" not in answer.json()["detail"]
