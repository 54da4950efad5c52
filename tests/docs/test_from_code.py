"""What the documents take from the code, and the tables that are compared with it."""

import re
from pathlib import Path
from typing import Any

import pytest

from config import environment
from docs import from_code
from docs.from_code import ROOT
from orgs.models import IdentityProvider, SchemaProfile
from orgs.open_matters import SEVERITIES
from scim.advice import CHANGES, NOTHING
from scim.setup_guide.guide import GUIDES, guide_for
from sso.refusal_advice import ADVICE
from sso.web.guides import PROVIDERS
from tests.factories import OrganizationFactory

DOCS = ROOT / "docs"
DOCUMENTS = [path.read_text() for path in sorted(DOCS.rglob("*.md"))]


def rows(document: str, head: str) -> list[list[str]]:
    """The rows of the table that begins with a cell of this text."""
    table = document.split(f"\n| {head} |", 1)[1].split("\n\n", 1)[0]
    return [[cell.strip() for cell in line.strip("| ").split(" | ")] for line in table.splitlines()[2:]]


class TestParts:
    def test_are_all_in_some_document_and_can_be_made(self) -> None:
        asked = {name for text in DOCUMENTS for name, _ in from_code.PLACE.findall(text)}
        assert asked == set(from_code.PARTS)

    def test_that_nobody_knows_stop_the_build(self) -> None:
        with pytest.raises(from_code.UnknownPart, match="commands"):
            from_code.fill(f"<!-- from code: comands -->\n\n{from_code.LINE}")

    def test_are_words_and_no_markdown(self) -> None:
        assert from_code._plain("a <b> * | `c`\nd") == r"a \<b\> \* \| \`c\` d"


class TestGuides:
    def test_every_identity_provider_has_a_page_with_all_that_the_portal_shows(self) -> None:
        named = {part for text in DOCUMENTS for part in from_code.PLACE.findall(text)}
        assert {idp for part, idp in named if part == "scim-guide"} == {str(idp) for idp in GUIDES}
        assert set(GUIDES) == set(IdentityProvider.values)
        for part in ("oidc-guide", "saml-guide"):
            assert {idp for name, idp in named if name == part} == set(PROVIDERS)

    @pytest.mark.django_db
    @pytest.mark.parametrize("idp", GUIDES)
    def test_say_what_the_page_of_an_org_says(self, idp: str) -> None:
        profile = SchemaProfile.objects.get(key="testomat")
        org = OrganizationFactory(profile=profile, group_provisioning=True)
        shown = guide_for(idp, org, f"{from_code.BASE}/api/scim")
        written = from_code.scim_guide(idp)
        said = [step.title for step in shown.steps] + [step.text for step in shown.steps]
        said += [text for step in shown.steps for each in step.fields for text in (each.name, each.note)]
        said += [text for each in shown.mappings for text in (each.source, each.note)]
        assert [text for text in said if from_code._plain(text) not in written] == []


class TestCommands:
    def test_are_all_there_with_their_options(self) -> None:
        written = from_code.commands()
        files = {path.stem for app in from_code.APPS for path in (ROOT / app / "management/commands").glob("[a-z]*.py")}
        assert set(re.findall(r"^## `(\w+)`$", written, re.MULTILINE)) == files
        assert "--enable-all" in written
        assert "--traceback" not in written


class TestScimErrors:
    def test_are_found_however_they_are_raised(self) -> None:
        found = {(each.status, each.scim_type, each.text) for each in from_code.scim_details()}
        assert (409, "uniqueness", "There is a user with the userName … already.") in found
        assert (404, "", "There is no such endpoint. Check the SCIM base URL in your identity provider.") in found
        assert any(status == 401 and text.startswith("This bearer token is not valid") for status, _, text in found)
        assert any(text.startswith("Group provisioning is not activated") for _, _, text in found)

    def test_and_sign_in_refusals_have_all_that_the_portal_advises(self) -> None:
        told = "\n".join(
            [from_code.scim_errors(), *(from_code.scim_advice(idp) for idp in GUIDES), from_code.sign_in_refusals()]
        )
        answered = {(each.status, each.scim_type) for each in from_code.scim_details()}
        named = {"": "your identity provider"} | {idp: name for idp, (name, *_) in GUIDES.items()}
        advice = [from_code._sentence(str(text), named[""]) for text in NOTHING.values()]
        advice += [
            from_code._sentence(str(text), named[idp])
            for (status, scim_type, _, idp), text in CHANGES.items()
            if idp or (status, scim_type) in answered
        ]
        advice += [str(text) for text in ADVICE.values()]
        assert [text for text in advice if from_code._plain(text) not in told] == []


class TestVariables:
    def test_are_those_that_the_code_reads(self, tmp_path: Path) -> None:
        asked = Asked(MUSTER_VAR=str(tmp_path))
        environment.read(asked)
        told = {name for row in rows((DOCS / "configuration.md").read_text(), "variable") for name in names(row[0])}
        assert len(asked.names) > 20
        assert asked.names <= told
        others = "".join(path.read_text() for path in (ROOT / "config").glob("*.py"))
        of_libraries = {"SSL_CERT_FILE"}
        assert [name for name in told - asked.names - of_libraries if name not in others] == []

    def test_have_the_defaults_that_the_code_has(self) -> None:
        source = Path(environment.__file__).read_text()
        defaults = dict(re.findall(r'_(?:number|days)\(environ, "(\w+)", (\d+)', source))
        told: dict[str, str] = {}
        for row in rows((DOCS / "configuration.md").read_text(), "variable"):
            told |= dict(zip(names(row[0]), row[1].split(", "), strict=False))
        nothing = {name for name, value in defaults.items() if value == "0" and told[name].startswith("none")}
        assert {name: told[name] for name in defaults if name not in nothing} == {
            name: value for name, value in defaults.items() if name not in nothing
        }


class Asked(dict[str, str]):
    """Variables; names: which of them somebody has asked for."""

    def __init__(self, **variables: str) -> None:
        super().__init__(variables)
        self.names: set[str] = set()

    def get(self, name: str, default: Any = None) -> Any:
        self.names.add(name)
        return super().get(name, default)

    def __contains__(self, name: object) -> bool:
        self.names.add(str(name))
        return super().__contains__(name)


def names(cell: str) -> list[str]:
    return re.findall(r"`([A-Z_]+)`", cell)


def test_every_matter_is_explained_with_its_severity() -> None:  # N1
    told = [(kind.strip("`"), severity) for kind, severity, _ in rows((DOCS / "attention.md").read_text(), "kind")]
    assert told == [(str(kind), severity.name.lower()) for kind, severity in SEVERITIES.items()]
