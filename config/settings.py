"""Django's settings, from `config.environment`."""

import os
import sys
from typing import Any

import structlog
from celery.schedules import crontab
from csp.constants import NONE, SELF
from django.templatetags.static import static
from django.urls import reverse_lazy
from django.utils.translation import gettext_lazy as _
from psycopg.conninfo import conninfo_to_dict

from config import environment
from config.postgresql.pool import POOL
from orgs import local_secrets

ENVIRONMENT = environment.read(os.environ)
BASE_DIR = environment.ROOT
DATABASE_URL, REDIS_URL = ENVIRONMENT.services()
HTTPS = ENVIRONMENT.url.startswith("https://")

DEBUG = ENVIRONMENT.dev
SECRET_KEY = ENVIRONMENT.secret_key or local_secrets.kept_in(ENVIRONMENT.var / "secret_key", length=50)
SECRET_KEY_FALLBACKS = list(ENVIRONMENT.secret_key_fallbacks)
ALLOWED_HOSTS = list(ENVIRONMENT.allowed_hosts)

INSTALLED_APPS = [
    "unfold.apps.BasicAppConfig",
    "unfold.contrib.filters",
    "config.apps.SupportAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.humanize",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "csp",
    "django_htmx",
    "lucide",
    "rest_framework",
    "orgs",
    "groups_provisioning",
    "scim",
    "sso",
    "api",
]

MIDDLEWARE = [
    # First, since they answer everything below the base URLs of SCIM and of the API: identity providers and programs
    # have no sessions, no cookies and no use for HTML pages.
    "scim.api.front.ScimFrontDoor",
    "api.front.ApiFrontDoor",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "orgs.web.request_lines.OfPages",
    "csp.middleware.CSPMiddleware",
    "orgs.web.sessions.Sessions",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "orgs.web.fair_share.FairShare",
    "orgs.web.reading_zone.ReadingZone",
    "django.contrib.messages.middleware.MessageMiddleware",
    "orgs.web.viewing.NothingIsChanged",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
]

if DEBUG:
    INSTALLED_APPS.append("debug_toolbar")
    # Around whatever asks the database.
    MIDDLEWARE.insert(
        MIDDLEWARE.index("csp.middleware.CSPMiddleware") + 1, "debug_toolbar.middleware.DebugToolbarMiddleware"
    )
    INTERNAL_IPS = ["127.0.0.1", "::1"]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
APPEND_SLASH = False

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
            "builtins": ["lucide.templatetags.lucide"],
        },
    },
]

# --- PostgreSQL ------------------------------------------------------------------------------------------------------


DATABASE_LIMITS = {
    "lock_timeout": "5s",
    "statement_timeout": "30s",
    "idle_in_transaction_session_timeout": "1min",
    "max_parallel_workers_per_gather": "0",  # a hard question of one org takes one core, and not all (SPEC S9)
}


def _database(url: str) -> dict[str, Any]:
    """Django's form of a libpq URL. Options that Django has no name for are passed to psycopg."""
    parts = conninfo_to_dict(url)
    names = {"dbname": "NAME", "user": "USER", "password": "PASSWORD", "host": "HOST", "port": "PORT"}
    database: dict[str, Any] = {django: str(parts.pop(libpq, "") or "") for libpq, django in names.items()}
    options = " ".join(f"-c {name}={value}" for name, value in DATABASE_LIMITS.items())
    return {
        **database,
        "ENGINE": "config.postgresql",
        "OPTIONS": {
            **parts,
            "options": f"{parts.get('options', '')} {options}".strip(),
            "connect_timeout": parts.get("connect_timeout", 2),
            "pool": POOL,
        },
        "DISABLE_SERVER_SIDE_CURSORS": True,
    }


DATABASES = {"default": _database(DATABASE_URL)}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- People and sessions ---------------------------------------------------------------------------------------------

AUTH_USER_MODEL = "orgs.User"
# An address may have accounts in several organizations, which orgs.sign_in finds; authenticate() knows support alone.
SILENCED_SYSTEM_CHECKS = ["auth.E003"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {
        "NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator",
        "OPTIONS": {"user_attributes": ("user_name", "login_email", "given_name", "family_name", "display_name")},
    },
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
PASSWORD_RESET_TIMEOUT = 3 * 24 * 3600
LOGIN_URL = "sign-in"
LOGIN_REDIRECT_URL = "overview"
LOGOUT_REDIRECT_URL = "sign-in"

RECEIPTS = ENVIRONMENT.receipts  # of people who were erased

SESSION_ENGINE = "orgs.web.sessions"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SESSION_COOKIE_AGE = 14 * 24 * 3600
CSRF_TRUSTED_ORIGINS = [ENVIRONMENT.url]
CSRF_FAILURE_VIEW = "orgs.views.sign_in.form_out_of_date"
X_FRAME_OPTIONS = "DENY"
SECURE_HSTS_SECONDS = 365 * 24 * 3600 if HTTPS else 0
# The directives that bind more than this host, and that no one can take back quickly, are for the operator to choose.
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = HTTPS and ENVIRONMENT.hsts_preload
SECURE_SSL_REDIRECT = HTTPS
SECURE_REFERRER_POLICY = "same-origin"
if ENVIRONMENT.trusted_proxies:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
# Health checks come from the same machine, over plain HTTP.
SECURE_REDIRECT_EXEMPT = [r"^health/"]

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    },
}

# --- What needs attention --------------------------------------------------------------------------------------------

# Each finds the open matters of some kinds, see orgs.open_matters.
MATTER_READERS = [
    "orgs.matter_words.read",
    "orgs.credential_matters.read",
    "scim.silence_matters.read",
    "groups_provisioning.matters.read",
    "sso.matters.read",
    "api.webhooks.attention.read",
]

# --- Second admins ----------------------------------------------------------------------------------------------------

# What an undo that a second admin agrees to makes of a row for filters, see orgs.people.Documents.
FILTER_COPIES = "scim.filter_copies.of_row"

# --- Mail ------------------------------------------------------------------------------------------------------------

DEFAULT_FROM_EMAIL = SERVER_EMAIL = ENVIRONMENT.mail_from
SUPPORT_EMAIL = ENVIRONMENT.support_email
if ENVIRONMENT.email_url:
    EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    globals().update(environment.mail_settings(ENVIRONMENT.email_url))
else:
    EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
    EMAIL_FILE_PATH = ENVIRONMENT.var / "mail"

# --- Celery ----------------------------------------------------------------------------------------------------------

SENTINELS = environment.sentinels(REDIS_URL)
CELERY_BROKER_URL = environment.broker_url(REDIS_URL)
CELERY_BROKER_TRANSPORT_OPTIONS: dict[str, Any] = {
    "visibility_timeout": 3600,
    "socket_timeout": 5,
    "socket_connect_timeout": 2,
}
if SENTINELS:
    CELERY_BROKER_TRANSPORT_OPTIONS["master_name"] = SENTINELS.master
# A worker waits for its broker, however long that is unavailable, and gives up tasks that it can no longer acknowledge:
# they are delivered again, and running a task twice has the same effect as running it once.
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_REDIRECT_STDOUTS = False
# Workers for this queue wait for whoever receives webhooks; settling has workers of its own.
CELERY_TASK_ROUTES = {"api.tasks.deliver": {"queue": "webhooks"}}
CELERY_TIMEZONE = "UTC"
CELERY_BEAT_SCHEDULER = "config.beat.Scheduler"
CELERY_BEAT_SCHEDULE = {
    # Makes sure of what nudges (orgs.nudge) only speed up. Its messages do not pile up while no worker runs.
    "sweep": {
        "task": "groups_provisioning.tasks.settle_pending",
        "schedule": 2.0,
        "options": {"expires": 30},
    },
    # Makes sure of what nudges only speed up, and sends again what is due.
    "wake-deliveries": {
        "task": "api.tasks.wake_deliveries",
        "schedule": 2.0,
        "options": {"expires": 30},
    },
    "forget-webhook-attempts": {
        "task": "api.tasks.forget_attempts",
        "schedule": crontab(hour="3", minute="59"),
        "options": {"expires": 12 * 60 * 60},
    },
    "tell-support": {
        "task": "orgs.tasks.tell_support",
        "schedule": 300.0,
        "options": {"expires": 300},
    },
    "forget-sign-in-failures": {
        "task": "orgs.tasks.forget_sign_in_failures",
        "schedule": crontab(hour="3", minute="41"),
        "options": {"expires": 12 * 60 * 60},
    },
    "forget-expired-sessions": {
        "task": "orgs.tasks.forget_expired_sessions",
        "schedule": crontab(hour="3", minute="47"),
        "options": {"expires": 12 * 60 * 60},
    },
    "send-mails": {
        "task": "orgs.tasks.send_mails",
        "schedule": 5.0,
        "options": {"expires": 5},
    },
    "end-proposals": {
        "task": "orgs.tasks.end_proposals",
        "schedule": 60.0,
        "options": {"expires": 60},
    },
    "mail-matters": {
        "task": "orgs.tasks.mail_matters",
        "schedule": 60.0,
        "options": {"expires": 60},
    },
    "forget-mails": {
        "task": "orgs.tasks.forget_mails",
        "schedule": crontab(hour="4", minute="1"),
        "options": {"expires": 12 * 60 * 60},
    },
    "forget-history": {
        "task": "orgs.tasks.forget_history",
        "schedule": crontab(hour="4", minute="13"),
        "options": {"expires": 12 * 60 * 60},
    },
    "delete-orgs": {
        "task": "orgs.tasks.delete_orgs",
        "schedule": 10.0,
        "options": {"expires": 10},
    },
    "end-support-views": {
        "task": "orgs.tasks.end_support_views",
        "schedule": 60.0,
        "options": {"expires": 60},
    },
    "forget-matters": {
        "task": "orgs.tasks.forget_matters",
        "schedule": crontab(hour="3", minute="47"),
        "options": {"expires": 12 * 60 * 60},
    },
    "drop-past": {
        "task": "groups_provisioning.tasks.drop_past",
        "schedule": crontab(hour="4", minute="7"),
        "options": {"expires": 12 * 60 * 60},
    },
    "refresh-filter-copies": {
        "task": "scim.tasks.refresh_filter_copies",
        "schedule": 60.0,
        "options": {"expires": 60},
    },
    "finish-erasures": {
        "task": "scim.tasks.finish_erasures",
        "schedule": 30.0,
        "options": {"expires": 30},
    },
    "read-domains-again": {
        "task": "orgs.tasks.read_domains_again",
        "schedule": crontab(minute="23"),
        "options": {"expires": 60 * 60},
    },
    "read-metadata-again": {
        "task": "sso.tasks.read_metadata_again",
        "schedule": crontab(minute="33"),
        "options": {"expires": 60 * 60},
    },
    "forget-seen-tokens": {
        "task": "sso.tasks.forget_seen_tokens",
        "schedule": crontab(minute="13"),
        "options": {"expires": 60 * 60},
    },
    "forget-sso-sign-ins": {
        "task": "sso.tasks.forget_sign_ins",
        "schedule": crontab(hour="3", minute="47"),
        "options": {"expires": 12 * 60 * 60},
    },
    "forget-issuer-documents": {
        "task": "sso.tasks.forget_issuer_documents",
        "schedule": crontab(hour="3", minute="53"),
        "options": {"expires": 12 * 60 * 60},
    },
    "keep-request-log-partitions": {
        "task": "scim.tasks.keep_request_log_partitions",
        "schedule": crontab(minute="7"),
    },
    "note-additions-and-removals": {
        "task": "scim.tasks.note_additions_and_removals",
        "schedule": crontab(minute="37"),
        "options": {"expires": 60 * 60},
    },
    "check-effects": {
        "task": "groups_provisioning.tasks.check_all_effects",
        "schedule": crontab(hour="2", minute="23"),
        "options": {"expires": 12 * 60 * 60},
    },
}

# --- SCIM ------------------------------------------------------------------------------------------------------------

MUSTER_URL = ENVIRONMENT.url
MUSTER_VAR = ENVIRONMENT.var
SCIM_MAX_BODY = 32 * 1024 * 1024  # bytes; 100,000 members, each with $ref and display, are about 20 MB
SCIM_MAX_DEPTH = 12
SCIM_MAX_OPERATIONS = 1000
SCIM_PAGE = 100
SCIM_MAX_PAGE = 1000
SCIM_RATE = ENVIRONMENT.scim_rate
SCIM_BURST = ENVIRONMENT.scim_burst
SCIM_FAILURES_PER_MINUTE = ENVIRONMENT.scim_failures_per_minute
SCIM_LOG_DAYS = ENVIRONMENT.scim_log_days
TRUSTED_PROXIES = ENVIRONMENT.trusted_proxies

# --- History ---------------------------------------------------------------------------------------------------------

HISTORY_DAYS = ENVIRONMENT.history_days
PAST_DAYS = 400  # of what facts were before, and so how far back pages can say who was where and why (SPEC T3)

# --- Single sign-on --------------------------------------------------------------------------------------------------

IDP_NETWORKS = ENVIRONMENT.idp_networks

# --- The API ---------------------------------------------------------------------------------------------------------

WEBHOOK_ALLOWED_NETWORKS = ENVIRONMENT.webhook_allowed_networks

REST_FRAMEWORK = {"UNAUTHENTICATED_USER": None, "UNAUTHENTICATED_TOKEN": None, "DATETIME_FORMAT": None}
SPECTACULAR_SETTINGS = {  # the rest is in api.openapi
    "OAS_VERSION": "3.1.1",
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
    "POSTPROCESSING_HOOKS": [],
    "SORT_OPERATION_PARAMETERS": False,
}

# --- Pages -----------------------------------------------------------------------------------------------------------

LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_I18N = USE_TZ = True
FORMAT_MODULE_PATH = "config.formats"
STATIC_URL = "static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
WHITENOISE_USE_FINDERS = True  # served from the source directories: no collectstatic
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"


def _list(title: Any, icon: str, model: str) -> dict[str, Any]:
    return {"title": title, "icon": icon, "link": reverse_lazy(f"admin:{model}_changelist")}


UNFOLD = {
    "SITE_TITLE": _("Muster support"),
    "SITE_HEADER": _("Muster support"),
    "SITE_ICON": lambda request: static("mark.svg"),
    "SITE_FAVICONS": [{"rel": "icon", "href": lambda request: static("mark.svg"), "type": "image/svg+xml"}],
    "STYLES": [lambda request: static("css/admin.css")],
    "SITE_URL": None,
    "ACCOUNT": {"navigation": [{"title": _("Your account"), "link": reverse_lazy("account")}]},
    # The accent of the organizations' pages (static/css/tokens.css), from light to dark.
    "COLORS": {
        "primary": {
            "50": "oklch(0.98 0.012 215)",
            "100": "oklch(0.955 0.02 215)",
            "200": "oklch(0.91 0.04 215)",
            "300": "oklch(0.84 0.085 212)",
            "400": "oklch(0.78 0.095 215)",
            "500": "oklch(0.6 0.095 218)",
            "600": "oklch(0.46 0.085 220)",
            "700": "oklch(0.4 0.08 222)",
            "800": "oklch(0.34 0.065 222)",
            "900": "oklch(0.29 0.04 222)",
            "950": "oklch(0.21 0.03 224)",
        },
    },
    "COMMAND": {"search_callback": "scim.support_desk.pages.palette"},
    "SIDEBAR": {
        "navigation": [
            {
                "title": _("Customers"),
                "items": [
                    {"title": _("Search"), "icon": "search", "link": reverse_lazy("admin:find")},
                    _list(_("Organizations"), "domain", "orgs_organization"),
                    _list(_("Needs attention"), "notification_important", "orgs_matter"),
                    _list(_("Deleted organizations"), "delete_sweep", "orgs_orgdeletion"),
                    _list(_("People"), "person", "orgs_user"),
                    _list(_("Imports"), "upload_file", "groups_provisioning_import"),
                    _list(_("Teams and other targets"), "groups", "orgs_entity"),
                    _list(_("SCIM tokens"), "key", "orgs_scimtoken"),
                    _list(_("Single sign-on"), "shield_person", "sso_connection"),
                ],
            },
            {
                "title": _("API"),
                "items": [
                    _list(_("API keys"), "vpn_key", "orgs_apikey"),
                    _list(_("Webhooks"), "webhook", "api_endpoint"),
                ],
            },
            {
                "title": _("Groups"),
                "items": [
                    _list(_("SCIM groups"), "group_work", "groups_provisioning_pushedgroup"),
                    _list(_("Mappings"), "link", "groups_provisioning_groupmapping"),
                    _list(_("Rules"), "rule", "groups_provisioning_mappingrule"),
                    _list(_("Assignments"), "badge", "groups_provisioning_membership"),
                    _list(_("Conflicts"), "call_split", "groups_provisioning_conflict"),
                    _list(_("Decisions"), "gavel", "groups_provisioning_decision"),
                ],
            },
            {
                "title": _("History"),
                "items": [
                    _list(_("Request log"), "sync_alt", "scim_requestlog"),
                    _list(_("Changes"), "history", "orgs_change"),
                    _list(_("Effects"), "receipt_long", "orgs_ledgerentry"),
                ],
            },
            {
                "title": _("Queue"),
                "items": [
                    _list(_("Queues of organizations"), "pace", "orgs_turn"),
                    _list(_("People waiting"), "hourglass_empty", "orgs_mark"),
                    _list(_("Mails"), "outgoing_mail", "orgs_mail"),
                ],
            },
            {
                "title": _("Product"),
                "items": [_list(_("Schema profiles"), "schema", "orgs_schemaprofile")],
            },
        ],
    },
}

# --- Metrics and logs ------------------------------------------------------------------------------------------------

METRICS_DIRECTORY = ENVIRONMENT.var / "metrics" if ENVIRONMENT.metrics_port else None

_SHARED: list[Any] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]
_FORMAT = ENVIRONMENT.log_format or ("text" if DEBUG or sys.stderr.isatty() else "json")
_RENDERER: Any = (
    structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    if _FORMAT == "text"
    else structlog.processors.JSONRenderer()
)
structlog.configure(
    processors=[*_SHARED, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
    logger_factory=structlog.stdlib.LoggerFactory(),
    cache_logger_on_first_use=True,
)
LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {
            "()": structlog.stdlib.ProcessorFormatter,
            "foreign_pre_chain": _SHARED,
            "processors": [
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                _RENDERER,
            ],
        },
    },
    "filters": {"without_secrets": {"()": "config.log_filters.WithoutSecrets"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line", "filters": ["without_secrets"]}},
    "root": {"handlers": ["stderr"], "level": ENVIRONMENT.log_level},
    "loggers": {
        "django": {"handlers": [], "level": "INFO", "propagate": True},
        "django.request": {"level": "ERROR"},  # the request log records refusals
        "django.server": {"handlers": [], "propagate": True},
        "django.security.DisallowedHost": {"level": "CRITICAL"},
        # The clock ticks every two seconds, and a portal that is not used has nothing to say.
        "celery.beat": {"level": "WARNING"},
        "celery.worker.strategy": {"level": "WARNING"},
        "celery.app.trace": {"level": "WARNING"},
    },
}
