"""The parts of the documents that are made from the code when the site is built, so that nothing is written twice.

A document has a comment where such a part belongs, `<!-- from code: commands -->`, and below it a line for whoever
reads the file itself.
"""

import argparse
import ast
import importlib.metadata
import os
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import django

if TYPE_CHECKING:
    from sso.web.guides import Guide, Taken
    from sso.web.saml_guides import SamlGuide

ROOT = Path(__file__).resolve().parent.parent
APPS = ("groups_provisioning", "orgs", "scim", "sso")
"""Whose commands are shown."""

LINE = "*Made from the code: see the site that `make docs` builds.*"
PLACE = re.compile(rf"^<!-- from code: ([a-z-]+)(?: (\w+))? -->\n\n{re.escape(LINE)}$", re.MULTILINE)

BASE = "https://muster.example.org"
PRODUCTION = {
    "MUSTER_URL": BASE,
    "DATABASE_URL": "postgresql:///muster?host=/nonexistent",
    "REDIS_URL": "redis://127.0.0.1:1",
    "SECRET_KEY": "only-for-documents-0123456789-abcdefghijklmnopqrstuvwxyz",
}


class UnknownPart(Exception):
    """A document asks for a part that there is not."""


class Detail(NamedTuple):
    """An error text of SCIM. text: `…` stands for what differs."""

    status: int
    scim_type: str
    text: str


def start() -> None:
    """Make Django ready, without a database. Where the settings are known already, they stay."""
    if "DJANGO_SETTINGS_MODULE" not in os.environ:
        os.environ |= {"DJANGO_SETTINGS_MODULE": "config.settings", **PRODUCTION}
    django.setup()


def fill(text: str) -> str:
    """A document with its parts in their places. Raises UnknownPart."""

    def part(place: re.Match[str]) -> str:
        name, argument = place.groups()
        if name not in PARTS:
            raise UnknownPart(f"{place[0]}: there are {', '.join(PARTS)}.")
        return PARTS[name](argument or "")

    return PLACE.sub(part, text)


def commands(_: str = "") -> str:
    """Every command of the portal, with what `--help` says."""
    from django.core.management import load_command_class

    written = []
    for app in APPS:
        for path in sorted((ROOT / app / "management" / "commands").glob("[a-z]*.py")):
            parser = load_command_class(app, path.stem).create_parser("manage.py", path.stem)
            written.append((path.stem, _help(parser)))
    return "\n\n".join(f"## `{name}`\n\n```text\n{text.strip()}\n```" for name, text in sorted(written))


def _help(parser: argparse.ArgumentParser) -> str:
    """As on a terminal of 100 columns, without the options that Django gives to all commands."""
    common = {"version", "verbosity", "settings", "pythonpath", "traceback", "no_color", "force_color", "skip_checks"}
    for action in parser._actions:
        if action.dest in common:
            action.help = argparse.SUPPRESS
    parser.formatter_class = lambda prog: argparse.HelpFormatter(prog, width=100)
    return parser.format_help()


def make_targets(_: str = "") -> str:
    """What `make` lists."""
    found = re.findall(r"^([a-z]+):.*?## (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    return _table(("command", "what it does"), ((f"`make {name}`", text) for name, text in found))


def problems(_: str = "") -> str:
    """Every kind of problem of the API."""
    from api.problem_kinds import KINDS

    return "\n\n".join(f"### `{name}`\n\n{kind.status}: {kind.title}. {kind.text}" for name, kind in KINDS.items())


def operations(_: str = "") -> str:
    """What the API can be asked, from its OpenAPI document."""
    from api import openapi

    rows: dict[str, list[tuple[str, str]]] = {}
    for path, methods in openapi.document()["paths"].items():
        for method, operation in methods.items():
            rows.setdefault(operation["tags"][0], []).append((f"`{method.upper()} {path}`", operation["summary"]))
    return "\n\n".join(f"### {tag}\n\n{_table(('request', ''), rows[tag])}" for tag in sorted(rows))


def scim_errors(_: str = "") -> str:
    """Every error text that an identity provider can be answered, by status and scimType, with what to do about it."""
    by_kind: dict[tuple[int, str], set[str]] = {}
    for detail in scim_details():
        by_kind.setdefault((detail.status, detail.scim_type), set()).add(detail.text)
    parts = []
    for (status, scim_type), texts in sorted(by_kind.items()):
        listed = "\n".join(f"- {_plain(text)}" for text in sorted(texts))
        advice = "\n\n".join(_plain(text) for text in _advice(status, scim_type))
        parts.append(f"### {status} {scim_type}".rstrip() + f"\n\n{listed}\n\n{advice}".rstrip())
    return "\n\n".join(parts)


def _advice(status: int, scim_type: str) -> Iterator[str]:
    """What an admin should change, whatever the identity provider: for people, groups, and all else."""
    from scim.advice import CHANGES, NOTHING

    name = "your identity provider"
    if text := NOTHING.get(status):
        yield _sentence(str(text), name)
    for (of_status, of_type, resource, idp), text in CHANGES.items():
        if (of_status, idp) == (status, "") and of_type == scim_type:
            about = {"user": "People: ", "group": "Groups: "}.get(resource, "")
            yield about + _sentence(str(text), name)


def scim_advice(idp: str) -> str:
    """What to change in an identity provider, by its own names, after a refusal."""
    from scim.advice import AGAIN, CHANGES
    from scim.setup_guide.guide import GUIDES

    name = GUIDES[idp][0]
    found = [
        f"- **{' '.join(filter(None, (str(status), scim_type, resource)))}**: {_plain(_sentence(str(text), name))}"
        for (status, scim_type, resource, of_idp), text in CHANGES.items()
        if of_idp == idp
    ]
    again = [_plain(str(AGAIN[idp]))] if idp in AGAIN else []
    return "\n\n".join(["\n".join(found), *again]).strip()


def _sentence(text: str, idp: str) -> str:
    """A text with the name of the identity provider in it, which may begin a sentence."""
    return re.sub(r"(?:^|(?<=\. ))[a-z]", lambda first: first[0].upper(), text.format(idp=idp))


def sign_in_refusals(_: str = "") -> str:
    """Every reason why an identity provider or a sign-in through it is refused, and what to do about it."""
    from sso.refusal_advice import ADVICE
    from sso.refusal_words import WORDS

    parts = []
    for reason, words in WORDS.items():
        text = " ".join((str(words) % {"detail": "…"}).split())
        parts.append(f"- {_plain(text)} {_plain(str(ADVICE.get(reason, '')))}".rstrip())
    return "\n".join(parts)


def scim_details() -> Iterator[Detail]:
    """The texts that the code raises SCIM errors with."""
    from scim.protocol import errors

    kinds = {
        name: (kind.status, kind.scim_type or "")
        for name, kind in vars(errors).items()
        if isinstance(kind, type) and issubclass(kind, errors.ScimError)
    }
    kinds |= {"AuthenticationFailed": (401, ""), "NotAuthenticated": (401, "")}  # told as they are
    for path in sorted((ROOT / "scim").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call) or not node.args:
                continue
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if name not in kinds:
                continue
            status, scim_type = kinds[name]
            given = next((word.value for word in node.keywords if word.arg == "status"), None)
            if isinstance(given, ast.Constant) and isinstance(given.value, int):
                status = given.value
            for text in _texts(node.args[0]):
                yield Detail(status, scim_type, text)


def _texts(node: ast.expr) -> Iterator[str]:
    """The strings that an expression may be, where they are written down; `…` for what is put into them."""
    if isinstance(node, ast.IfExp):
        yield from _texts(node.body)
        yield from _texts(node.orelse)
    elif isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.JoinedStr):
        yield "".join(str(each.value) if isinstance(each, ast.Constant) else "…" for each in node.values)


def scim_guide(idp: str) -> str:
    """How to set up an identity provider for SCIM, as the portal's page says it, for the profile `testomat`."""
    from scim.setup_guide.guide import guide_with
    from scim.setup_guide.parts import Custom, Portal

    role = Custom(
        "urn:ietf:params:scim:schemas:extension:testomat:2.0:User",
        "testomat_roles",
        ["manager", "billing", "read", "qa"],
        True,
        "The role; optional, since groups can be given roles here. If absent: qa.",
    )
    note = "Identifies the person; used to look people up. An e-mail address."
    shown = guide_with(idp, Portal(f"{BASE}/api/scim", [role], [], "qa", note), groups_on=True)
    parts = [
        f"### {number}. {_plain(step.title)}\n\n{_plain(step.text)}"
        + "\n\n"
        + _listed((each.name, (_code if each.copied else _plain)(each.value), each.note) for each in step.fields)
        for number, step in enumerate(shown.steps, 1)
    ]
    mappings = _table(
        ("attribute", "from", "to know"),
        ((f"`{each.attribute}`", _plain(each.source), _plain(each.note)) for each in shown.mappings),
    )
    read_on = "\n".join(f"- [{title}]({address})" for title, address in shown.help)
    parts.append(f"### Attributes\n\n{mappings}")
    if read_on:
        parts.append(f"### In its own documents\n\n{read_on}")
    return "\n\n".join(parts)


def oidc_guide(idp: str) -> str:
    """How to set up an identity provider for OpenID Connect, as the portal's page says it."""
    from sso.web.guides import PROVIDERS, Addresses

    base = f"{BASE}/sso/ID"
    names = ("callback", "initiate", "start", "logout", "revoke")
    _name, steps = PROVIDERS[idp]
    shown = steps(Addresses(*(f"{base}/{name}" for name in names)))
    return _sign_on(shown, [shown.issuer, shown.client_id, shown.client_secret])


def saml_guide(idp: str) -> str:
    """How to set up an identity provider for SAML, as the portal's page says it."""
    from sso.web.saml_guides import GUIDES, Addresses

    base = f"{BASE}/sso/ID"
    shown = GUIDES[idp](Addresses(f"{base}/metadata", f"{base}/acs", f"{base}/start"))
    return _sign_on(shown, [shown.metadata, shown.entity_id, shown.sso_url, shown.certificate])


def _sign_on(shown: "Guide | SamlGuide", copied: "list[Taken]") -> str:
    entered = _listed((each.name, _code(each.value), each.note) for each in shown.given)
    taken = _listed(
        (each.name, _plain(each.where.rstrip(".")), f"For example {each.example}" if each.example else "")
        for each in copied
    )
    notes = "\n".join(f"- {_plain(each)}" for each in (shown.name_note, shown.external_id_note, *shown.notes) if each)
    return f"{_plain(shown.where)}\n\nEnter there:\n\n{entered}\n\nCopy from there:\n\n{taken}\n\nTo know:\n\n{notes}"


def licences(_: str = "") -> str:
    """What production runs, with versions and licences."""
    return _table(("package", "version", "licence"), locked_licences())


def locked_licences() -> Iterator[tuple[str, str, str]]:
    """Name, version and licence of each package that requirements/production.txt pins and this platform installs."""
    locked = (ROOT / "requirements" / "production.txt").read_text()
    for name in dict.fromkeys(re.findall(r"^([\w.-]+)(?:\[\w+\])?==", locked, re.MULTILINE)):
        try:
            metadata = importlib.metadata.metadata(name)
        except importlib.metadata.PackageNotFoundError:
            continue  # of another platform or Python
        yield name, metadata["Version"], licence_of(metadata)


def licence_of(metadata: importlib.metadata.PackageMetadata) -> str:
    """What a package says of its licence: as an expression, else by its classifiers, else in its own words."""
    if "License-Expression" in metadata:
        return metadata["License-Expression"]
    classifiers = [each.rpartition(" :: ")[2] for each in metadata.get_all("Classifier") or () if "License ::" in each]
    named = [each for each in classifiers if each != "OSI Approved"]
    return ", ".join(named) or metadata["License"].partition("\n")[0]


def _listed(fields: Iterable[tuple[str, str, str]]) -> str:
    """Fields of an identity provider: the name of each, its value or where it is, and what to know about it."""
    lines = (f"- **{_plain(name)}**: {value}" + (f". {_plain(note)}" if note else "") for name, value, note in fields)
    return "\n".join(lines)


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def _code(value: str) -> str:
    """A value on one line, as code: several lines of it one after the other."""
    return " ".join(f"`{line}`" for line in value.splitlines() if line)


def _plain(text: str) -> str:
    """Words that are no Markdown, on one line."""
    return re.sub(r"([\\`*_{}\[\]<>#$|])", r"\\\1", " ".join(text.split()))


PARTS: dict[str, Callable[[str], str]] = {
    "commands": commands,
    "licences": licences,
    "make-targets": make_targets,
    "oidc-guide": oidc_guide,
    "operations": operations,
    "problems": problems,
    "saml-guide": saml_guide,
    "scim-advice": scim_advice,
    "scim-errors": scim_errors,
    "scim-guide": scim_guide,
    "sign-in-refusals": sign_in_refusals,
}
"""By the names that documents call them."""
