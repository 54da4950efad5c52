import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scim import redaction

SECRET = "hunter2"


def kept(body: object) -> str:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return redaction.body(raw, size=len(raw))


class TestABodyWithoutPassword:
    def test_stays_as_it_came(self):
        raw = '{ "userName":"ann@acme.example",  "displayName": "Änne 💡" }'.encode()
        assert redaction.body(raw, size=len(raw)) == raw.decode()

    def test_stays_even_where_it_is_not_json(self):
        assert kept(b'{"userName": "ann@acme.example"') == '{"userName": "ann@acme.example"'

    def test_shows_its_beginning_where_it_is_long(self):
        raw = '{"members": ["ü'.encode()[:-1]  # cut within a character
        assert redaction.body(raw, size=8_000_000) == '{"members": ["\n(cut: 8000000 bytes)'

    def test_that_is_not_text_leaves_its_size(self):
        assert kept(b"\xff\xfe\x00binary") == "(9 bytes that are not UTF-8)"

    def test_may_mention_changing_passwords(self):
        assert json.loads(kept({"changePassword": {"supported": False}})) == {"changePassword": {"supported": False}}


class TestAPasswordInABody:
    @pytest.mark.parametrize(
        "body",
        [
            {"password": SECRET},
            {"PassWord": SECRET},
            {"password": {"value": SECRET}},
            {"password": [{"value": [SECRET]}]},
            {"urn:ietf:params:scim:schemas:core:2.0:User:password": SECRET},
            {"urn:ietf:params:scim:schemas:core:2.0:User.Password": SECRET},
            {"urn:ietf:params:scim:schemas:core:2.0:User": {"a": [[{"b": {"password": SECRET}}]]}},
            {f'password[value eq "{SECRET}"]': "x"},
            {"pa\u017f\u017fword": SECRET},  # folds to the word
            {"schemas": [], "Operations": [{"op": "replace", "path": "password", "value": SECRET}]},
            {"Operations": [{"op": "Replace", "path": "Password", "value": {"a": [SECRET]}}]},
            {
                "operations": [
                    {"OP": "add", "PATH": "urn:ietf:params:scim:schemas:core:2.0:User:password", "VALUE": SECRET}
                ]
            },
            {"Operations": [{"op": "add", "value": {"active": True, "password": SECRET}}]},
            {"Operations": [{"op": "add", "value": json.dumps({"password": SECRET})}]},
            {"Operations": [{"op": "remove", "path": f'password[value eq "{SECRET}"]'}]},
            {"Operations": [{"op": "remove", "path": f'emails[password eq "{SECRET}"].value'}]},
            {"Operations": [{"method": "POST", "path": "/Users", "data": {"password": SECRET}}]},
            {"Operations": [{"data": {"Operations": [{"op": "add", "path": "password", "value": SECRET}]}}]},
            {"filter": f'userName eq "x" and password eq "{SECRET}"'},
            {"Filter": f"password eq {SECRET}"},
            {"detail": f'The filter password eq "{SECRET}" cannot be evaluated.'},
            [{"name": "password", "value": SECRET}],
        ],
        ids=lambda body: json.dumps(body)[:60],
    )
    def test_is_hidden(self, body):
        text = kept(body)
        assert SECRET not in text
        assert redaction.HIDDEN in text
        json.loads(text)

    def test_is_hidden_alone(self):
        body = {"userName": "ann@acme.example", "password": SECRET, "name": {"givenName": "Änne"}}
        assert json.loads(kept(body)) == body | {"password": redaction.HIDDEN}

    @pytest.mark.parametrize(
        "raw",
        [
            b'{"path": "password", "path": "title", "value": "hunter2"}',
            b'{"password": "hunter2", "password": "other"}',
            b'{"p\\u0061ssword": "hunter2"}',
            b'{"\\u0070\\u0061\\u0073\\u0073word": "hunter2"}',
        ],
    )
    def test_is_hidden_however_it_is_spelt(self, raw):
        assert SECRET not in kept(raw)

    @pytest.mark.parametrize(
        "raw",
        [
            b'{"password": "hunter2"',
            b"password=hunter2&active=true",
            b"p%61ssword=hunter2",
            b'{"p\\u0061ssword": "hunter2"',
            '{"password": "hunter2"}'.encode("utf-16"),
            '{"password": "hunter2"}'.encode("utf-16-le"),
            b"[" * 100_000 + b'{"password": "hunter2"}' + b"]" * 100_000,
        ],
        ids=range(7),
    )
    def test_that_cannot_be_found_for_sure_hides_the_body(self, raw):
        text = kept(raw)
        assert SECRET not in text
        assert f"{len(raw)} bytes" in text

    def test_near_the_cut_hides_the_body(self):
        assert kept(b"") == ""
        assert SECRET not in redaction.body(b'{"password": "hunter2', size=50_000)

    @given(
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.text(),
            lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.sampled_from(["password", "path"]), inner),
        ),
        st.sampled_from(["password", "PASSWORD", "pAsSwOrD"]),
    )
    def test_is_hidden_wherever_it_stands(self, around, word):
        assert SECRET not in kept([around, {word: SECRET, "x": around}, {"path": word, "value": [SECRET, around]}])


class TestAPath:
    @pytest.mark.parametrize(
        "path",
        [
            "/api/scim/Users",
            "/api/scim/Users?aadOptscim062020",
            "/api/scim/Users?filter=userName+eq+%22ann%22&count=1",
            "/api/scim/Users?attributes=password",
            "/api/scim/Users?",
            "/api/scim/Users?a=%zz&&=",
        ],
    )
    def test_stays_as_it_came(self, path):
        assert redaction.path(path) == path

    @pytest.mark.parametrize(
        "query",
        [
            "filter=password%20eq%20%22hunter2%22",
            "filter=password+eq+hunter2",
            "filter=p%61ssWord+eq+%22hunter2%22",
            "FILTER=userName+eq+%22x%22+and+urn:ietf:params:scim:schemas:core:2.0:User:password+sw+%22hunter2%22",
            "password=hunter2",
            "pass%77ord=hunter2",
            "access_token=hunter2",
            "Access%5Ftoken=hunter2",
            "password%20eq%20%22hunter2%22",
        ],
    )
    def test_hides_what_is_compared_with_a_password(self, query):
        assert SECRET not in redaction.path(f"/api/scim/Users?count=1&{query}&startIndex=2")
        assert redaction.path(f"/api/scim/Users?count=1&{query}&startIndex=2").endswith("&startIndex=2")

    def test_keeps_the_rest_of_the_filter(self):
        path = redaction.path("/Users?filter=userName+eq+%22ann%22+and+password+eq+%22hunter2%22")
        assert path == "/Users?filter=userName+eq+%22ann%22+and+password(hidden)"


class TestALine:
    def test_may_name_the_password(self):
        for line in ('"password" cannot be used in a filter.', "The password is never stored.", "password"):
            assert redaction.line(line) == line

    def test_does_not_repeat_what_was_compared_with_it(self):
        line = 'The filter userName pr and password eq "hunter2" cannot be evaluated.'
        assert redaction.line(line) == "The filter userName pr and password(hidden)"
        assert SECRET not in redaction.line('{"password": "hunter2"}')
