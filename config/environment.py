"""The one place that reads the process environment (12-factor).

Everything else takes an `Environment`. The variables are documented in docs/configuration.md.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlsplit

SECRETS = ("DATABASE_URL", "REDIS_URL", "SECRET_KEY", "SECRET_KEY_FALLBACKS", "EMAIL_URL")
"""The variables that can be files as well, named like them, in the directory that MUSTER_SECRETS names."""

URL_FILE = "url"
"""In the state directory while `make up` runs: the portal's public URL."""

ROOT = Path(__file__).resolve().parent.parent


class Misconfigured(Exception):
    """A variable is missing or has a value that cannot be used; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Environment:
    """The operator's settings, with defaults for a single machine.

    var: the state directory. port, bind: where the web server listens. url: the public URL, without a trailing
    slash; https turns on secure cookies and HSTS. database_url, redis_url, secret_key: None if unset, which means the
    embedded services and a key kept in the state directory. secret_key_fallbacks: former keys. hsts_preload: browsers
    are to insist on https for every subdomain of the public host as well, for good. support_email: empty if there is no
    support contact. receipts: the directory for receipts of people who were erased. idp_networks: may be connected to
    for an identity provider, although they are not public; webhook_allowed_networks: for webhooks of the operator.
    scim_log_days: how long requests are kept; history_days: changes and their effects, 0 for ever.
    metrics_port: None if there are no metrics; metrics_bind: the address that they are told at. log_format: of the
    lines on standard error, json or text; empty for text on a terminal and in development, and json otherwise.
    dev: pages show tracebacks and settings, and code is reloaded; only for use on the local machine.
    """

    var: Path
    port: int
    bind: str
    url: str
    allowed_hosts: tuple[str, ...]
    database_url: str | None
    redis_url: str | None
    secret_key: str | None
    secret_key_fallbacks: tuple[str, ...]
    email_url: str | None
    mail_from: str
    support_email: str
    trusted_proxies: int
    scim_rate: int
    scim_burst: int
    scim_failures_per_minute: int
    scim_log_days: int
    history_days: int
    idp_networks: tuple[IPv4Network | IPv6Network, ...]
    webhook_allowed_networks: tuple[IPv4Network | IPv6Network, ...]
    hsts_preload: bool
    log_level: str
    log_format: str
    metrics_port: int | None
    metrics_bind: str
    receipts: Path
    dev: bool

    def services(self) -> tuple[str, str]:
        """The URLs of PostgreSQL and Redis: the operator's own, otherwise those of the embedded services.

        Raises Misconfigured if neither is known.
        """
        if self.database_url and self.redis_url:
            return self.database_url, self.redis_url
        try:
            embedded = json.loads((self.var / "services.json").read_text())
        except FileNotFoundError:
            raise Misconfigured(
                f"There is no database yet: run `make up` (its state directory is {self.var}; if the portal runs with "
                "another, set MUSTER_VAR to it), or set DATABASE_URL and REDIS_URL."
            ) from None
        return self.database_url or embedded["database_url"], self.redis_url or embedded["redis_url"]


def read(environ: Mapping[str, str]) -> Environment:
    """An `Environment` from variables and files of secrets. Raises Misconfigured, which names the variable."""
    secrets = {name: _secret(environ, name) for name in SECRETS}
    var = Path(environ.get("MUSTER_VAR") or ROOT / ".var").absolute()
    port = _number(environ, "PORT", 8000)
    url = (environ.get("MUSTER_URL") or _running(environ, var) or f"http://localhost:{port}").rstrip("/")
    if not url.startswith(("http://", "https://")):
        raise Misconfigured(f"MUSTER_URL must start with http:// or https://, not {url!r}.")
    hosts = environ.get("ALLOWED_HOSTS")
    bind = environ.get("MUSTER_BIND", "127.0.0.1")
    return Environment(
        var=var,
        port=port,
        bind=bind,
        url=url,
        allowed_hosts=tuple(host.strip() for host in hosts.split(",") if host.strip()) if hosts else _hosts_of(url),
        database_url=secrets["DATABASE_URL"] or None,
        redis_url=secrets["REDIS_URL"] or None,
        secret_key=_unguessable("SECRET_KEY", secrets["SECRET_KEY"]) or None,
        secret_key_fallbacks=tuple(
            _unguessable("SECRET_KEY_FALLBACKS", key) for key in _listed(secrets, "SECRET_KEY_FALLBACKS")
        ),
        email_url=secrets["EMAIL_URL"] or None,
        mail_from=environ.get("MUSTER_MAIL_FROM", "muster@localhost"),
        support_email=_address(environ, "SUPPORT_EMAIL"),
        trusted_proxies=_number(environ, "TRUSTED_PROXIES", 0),
        scim_rate=_number(environ, "SCIM_RATE", 100),
        scim_burst=_number(environ, "SCIM_BURST", 1000),
        scim_failures_per_minute=_number(environ, "SCIM_FAILURES_PER_MINUTE", 60),
        scim_log_days=_days(environ, "SCIM_LOG_DAYS", 30, least=1),
        history_days=_days(environ, "HISTORY_DAYS", 0, least=400),
        idp_networks=_networks(environ, "IDP_NETWORKS"),
        webhook_allowed_networks=_networks(environ, "WEBHOOK_ALLOWED_NETWORKS"),
        hsts_preload=_switch(environ, "HSTS_PRELOAD"),
        log_level=environ.get("LOG_LEVEL", "INFO").upper(),
        log_format=_one_of(environ, "LOG_FORMAT", "json", "text"),
        metrics_port=_metrics_port(environ, port),
        metrics_bind=environ.get("METRICS_BIND") or "127.0.0.1",
        receipts=Path(environ.get("MUSTER_RECEIPTS") or var / "receipts").absolute(),
        dev=_dev(environ, url, bind),
    )


def _secret(environ: Mapping[str, str], name: str) -> str:
    """A variable, or what its file holds where it is not set; empty if there is neither."""
    if value := environ.get(name):
        return value
    if not (folder := environ.get("MUSTER_SECRETS")):
        return ""
    if not Path(folder).is_dir():
        raise Misconfigured(f"MUSTER_SECRETS must be a directory, and {folder!r} is none.")
    try:
        return (Path(folder) / name).read_text().strip()
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as error:
        raise Misconfigured(f"{name} cannot be read from the directory MUSTER_SECRETS: {error}.") from None


def _running(environ: Mapping[str, str], var: Path) -> str | None:
    """The URL at which `make up` runs with this state directory, for commands that are run beside it."""
    try:
        return None if "PORT" in environ else (var / URL_FILE).read_text()
    except FileNotFoundError:
        return None


def _number(environ: Mapping[str, str], name: str, default: int) -> int:
    value = environ.get(name) or str(default)
    if not value.isascii() or not value.isdigit():
        raise Misconfigured(f"{name} must be a whole number, not {value!r}.")
    return int(value)


def _days(environ: Mapping[str, str], name: str, default: int, *, least: int) -> int:
    days = _number(environ, name, default)
    if days < least and days != default:
        raise Misconfigured(f"{name} must be at least {least}, or left out.")
    return days


def _metrics_port(environ: Mapping[str, str], public: int) -> int | None:
    port = _number(environ, "METRICS_PORT", 0)
    if port == public:
        raise Misconfigured(f"METRICS_PORT must not be {port}, where everybody reaches the portal.")
    return port or None


def _one_of(environ: Mapping[str, str], name: str, *choices: str) -> str:
    value = environ.get(name, "")
    if value and value not in choices:
        raise Misconfigured(f"{name} must be {' or '.join(choices)}, not {value!r}.")
    return value


def _listed(environ: Mapping[str, str], name: str) -> list[str]:
    return [each for part in environ.get(name, "").split(",") if (each := part.strip())]


def _networks(environ: Mapping[str, str], name: str) -> tuple[IPv4Network | IPv6Network, ...]:
    try:
        return tuple(ip_network(each) for each in _listed(environ, name))
    except ValueError as error:
        raise Misconfigured(f"{name} must be networks such as 10.1.0.0/16, separated by commas: {error}.") from None


def _unguessable(name: str, value: str | None) -> str:
    """Sessions, cursors and links can be forged, and secrets opened, by whoever guesses it."""
    if value and (len(value) < 32 or len(set(value)) < 8):
        raise Misconfigured(
            f"{name} can be guessed. Make one with "
            "`python3 -c 'import secrets; print(secrets.token_urlsafe(50))'`, and set the same on every machine."
        )
    return value or ""


def _switch(environ: Mapping[str, str], name: str) -> bool:
    value = environ.get(name, "")
    if value not in ("", "1"):
        raise Misconfigured(f"{name} must be 1 or empty, not {value!r}.")
    return bool(value)


def _dev(environ: Mapping[str, str], url: str, bind: str) -> bool:
    value = _switch(environ, "MUSTER_DEV")
    if value and not (_is_local(urlsplit(url).hostname or "") and _is_local(bind)):
        raise Misconfigured(
            f"MUSTER_DEV shows everybody the settings and the code of the portal, and {url} on {bind} can be reached by"
            " others. Leave it out, or leave out MUSTER_URL and MUSTER_BIND."
        )
    return value


def _is_local(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _address(environ: Mapping[str, str], name: str) -> str:
    value = environ.get(name, "").strip()
    if value and not re.fullmatch(r"[^@\s,<>]+@[^@\s,<>]+", value):
        raise Misconfigured(f"{name} must be one e-mail address, not {value!r}.")
    return value


def _hosts_of(url: str) -> tuple[str, ...]:
    """The public host, and the loopback names that health checks and local scripts use."""
    host = url.split("://", 1)[1].split("/", 1)[0]
    host = host.rsplit(":", 1)[0] if not host.endswith("]") else host
    return tuple(dict.fromkeys((host, "localhost", "127.0.0.1", "[::1]")))


@dataclass(frozen=True, slots=True)
class Sentinels:
    """Where to ask which of several servers is the master at present.

    hosts: with their ports. master: the name that they know it by. user, password: of the servers; None for none.
    """

    hosts: tuple[tuple[str, int], ...]
    master: str
    db: int
    user: str | None
    password: str | None


_SENTINELS = re.compile(
    r"sentinel://((?P<user>[^:@/]*):(?P<password>[^@/]*)@)?(?P<hosts>[^@/]+)/(?P<master>[\w.-]+)(\?db=(?P<db>\d+))?"
)
_SENTINEL = re.compile(r"(?P<host>\[[0-9A-Fa-f:.]+\]|[^:\[\]\s]+)(:(?P<port>\d{1,5}))?")


def sentinels(redis_url: str) -> Sentinels | None:
    """Those of `sentinel://[user:password@]host[:port],host[:port]/master[?db=0]`; None of another URL.

    Raises Misconfigured.
    """
    if not redis_url.startswith("sentinel://"):
        return None
    found = _SENTINELS.fullmatch(redis_url)
    hosts = [_SENTINEL.fullmatch(each) for each in found["hosts"].split(",")] if found else []
    if not found or not all(each and 0 < int(each["port"] or 26379) < 1 << 16 for each in hosts):
        raise Misconfigured("REDIS_URL must be sentinel://[user:password@]host[:port],host[:port]/master[?db=0].")
    return Sentinels(
        hosts=tuple((each["host"].strip("[]"), int(each["port"] or 26379)) for each in hosts if each),
        master=found["master"],
        db=int(found["db"] or 0),
        user=unquote(found["user"] or "") or None,
        password=unquote(found["password"] or "") or None,
    )


def broker_url(redis_url: str) -> str:
    """A redis-py URL, or one of sentinels, in Celery's form; a Unix socket is `redis+socket://` there."""
    if watched := sentinels(redis_url):
        secret = f"{quote(watched.user or '', safe='')}:{quote(watched.password, safe='')}@" if watched.password else ""
        hosts = ((f"[{host}]" if ":" in host else host, port) for host, port in watched.hosts)
        return ";".join(f"sentinel://{secret}{host}:{port}/{watched.db}" for host, port in hosts)
    if not redis_url.startswith("unix://"):
        return redis_url
    path, _, query = redis_url.removeprefix("unix://").partition("?")
    return f"redis+socket://{path}?virtual_host={dict(parse_qsl(query)).get('db', '0')}"


def mail_settings(email_url: str) -> dict[str, Any]:
    """Django's settings for `smtp://user:password@host:port`, `smtps://` (TLS) or `smtp+starttls://`."""
    try:
        parts = urlsplit(email_url)
        host, port = parts.hostname, parts.port
    except ValueError:  # the port is no number, or too large, or there is half an IPv6 address
        host = None
    if not host or parts.scheme not in ("smtp", "smtps", "smtp+starttls"):
        raise Misconfigured("EMAIL_URL must be smtp://, smtps:// or smtp+starttls://[user:password@]host[:port].")
    return {
        "EMAIL_HOST": host,
        "EMAIL_PORT": port or {"smtp": 25, "smtps": 465, "smtp+starttls": 587}[parts.scheme],
        "EMAIL_HOST_USER": unquote(parts.username or ""),
        "EMAIL_HOST_PASSWORD": unquote(parts.password or ""),
        "EMAIL_USE_SSL": parts.scheme == "smtps",
        "EMAIL_USE_TLS": parts.scheme == "smtp+starttls",
        "EMAIL_TIMEOUT": 10,
    }
