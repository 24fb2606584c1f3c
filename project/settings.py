"""Settings of the site, from the environment; README.md lists the variables."""

import warnings
from logging import LogRecord
from pathlib import Path
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.utils.log import CallbackFilter

from project import environment
from project.backends import LAYERS, channel_layer, database

BASE_DIR = Path(__file__).resolve().parent.parent

# --- Who may talk to the site ---------------------------------------------------------------------

DEBUG = environment.flag("DEBUG", default=True)

_DEVELOPMENT_KEY = "insecure: for development only, refused unless DEBUG is on"
SECRET_KEY = environment.text("SECRET_KEY") or (_DEVELOPMENT_KEY if DEBUG else "")
if not DEBUG and SECRET_KEY in ("", _DEVELOPMENT_KEY):
    raise ImproperlyConfigured(
        "DEBUG=0 needs a SECRET_KEY of your own: whoever knows the key can sign in as anybody. "
        "Make one with: python -c 'import secrets; print(secrets.token_urlsafe(50))'"
    )

# The Origin of a WebSocket is held to these hosts as well.
ALLOWED_HOSTS = environment.words("ALLOWED_HOSTS")
if not ALLOWED_HOSTS:
    if not DEBUG:
        raise ImproperlyConfigured(
            "DEBUG=0 needs ALLOWED_HOSTS: the names it is reached by, such as chat.example.org"
        )
    ALLOWED_HOSTS = [".localhost", "127.0.0.1", "[::1]"]

# Behind a proxy that speaks TLS for the site, forms come from https:// while requests arrive by
# http. Only the site's own names are trusted so, and none at all where the wildcard stands for
# them.
CSRF_TRUSTED_ORIGINS = [
    f"https://*{host}" if host.startswith(".") else f"https://{host}"
    for host in ALLOWED_HOSTS
    if host != "*"
]

# Cookies are not marked Secure, and http:// is not sent on to https://, because this site may be
# all that stands on a private network without TLS.
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_SAMESITE = "Lax"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"

# --- What it is made of ---------------------------------------------------------------------------

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "channels",
    "chat",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "project" / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

ROOT_URLCONF = "project.urls"
ASGI_APPLICATION = "project.asgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

DATABASES = {"default": database(environment.text("DATABASE_URL"), beside=BASE_DIR)}

CHANNEL_LAYERS = {
    "default": channel_layer(
        environment.text("REDIS_URL"),
        kind=environment.choice("CHANNEL_LAYER", LAYERS, default="core"),
    )
}

# --- The chat -------------------------------------------------------------------------------------

CHAT: dict[str, Any] = {
    "GUESTS": environment.choice("CHAT_GUESTS", ("none", "read", "post"), default="post"),
    "ROOM_CREATION": environment.choice(
        "CHAT_ROOM_CREATION", ("anyone", "users", "staff"), default="anyone"
    ),
    "POSTS_PER_SECOND": environment.number("CHAT_POSTS_PER_SECOND", default=10),
    "SESSIONS_PER_ADDRESS": environment.whole_number("CHAT_SESSIONS_PER_ADDRESS", default=100),
}

# --- Signing in -----------------------------------------------------------------------------------

LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "/"

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]

# --- Languages and time ---------------------------------------------------------------------------

LANGUAGE_CODE = "en"
# Those the chat speaks: a page in any other would be half English, and say that it is not.
LANGUAGES = [("ar", "العربية"), ("de", "Deutsch"), ("en", "English")]
USE_I18N = True
USE_TZ = True
TIME_ZONE = "UTC"

# --- Static files ---------------------------------------------------------------------------------

# No ASGI server serves them, so whitenoise does: with DEBUG from where they lie in the source,
# without it from STATIC_ROOT, which `manage.py collectstatic` fills.
STATIC_URL = "static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
STATICFILES_DIRS = [BASE_DIR / "project" / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    # Compressed but with the names they have: an ES module imports its neighbours by name, and one
    # that is loaded by its own name and by a hashed one as well would run twice.
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedStaticFilesStorage"},
}
# The files are small and read in one piece, so it does not matter that whitenoise, which knows only
# WSGI, hands them to Django's ASGI handler as an iterator that is not asynchronous.
warnings.filterwarnings(
    "ignore", message="StreamingHttpResponse must consume synchronous iterators", module="django"
)

# --- Log ------------------------------------------------------------------------------------------

LOG_LEVEL = environment.choice(
    "LOG_LEVEL", ("debug", "info", "warning", "error", "critical"), default="info"
)

# What daphne says as it starts besides where it listens: one line for each event is enough.
_PREAMBLE = ("HTTP/2 support", "Configuring endpoint")


def _is_news(record: LogRecord) -> bool:
    return not record.getMessage().startswith(_PREAMBLE)


LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"news": {"()": CallbackFilter, "callback": _is_news}},
    "formatters": {"line": {"format": "{asctime} {levelname} {name}: {message}", "style": "{"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": LOG_LEVEL.upper()},
    "loggers": {
        "daphne.cli": {"level": "WARNING"},
        "daphne.server": {"filters": ["news"]},
        # A line for each request.
        "uvicorn.access": {"level": "WARNING"},
        # Django gives these handlers of their own.
        "django": {"handlers": [], "level": "NOTSET", "propagate": True},
        "django.server": {"handlers": [], "level": "NOTSET", "propagate": True},
        # A traceback for everybody who calls the site by another name helps nobody; the server's
        # own line says that it answered 400.
        "django.security.DisallowedHost": {"level": "CRITICAL"},
    },
}
