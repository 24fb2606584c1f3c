"""What `startproject` writes, as far as it takes part, with the tutorial's changes.

`daphne` is not in INSTALLED_APPS: there it only replaces `runserver`. DEBUG is off, as for the hub.
"""

import os
from typing import Any

SECRET_KEY = "only-for-the-benchmark"
DEBUG = False
ALLOWED_HOSTS = ["127.0.0.1"]
ROOT_URLCONF = "benchmarks.contenders.usual.urls"
USE_TZ = True

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": os.environ["DATABASE"]}}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# A layer's default capacity of 100 drops messages without a word under load. Here it is out of the
# way, so that the usual consumer can deliver everything and is measured at its best.
_CAPACITY = 1_000_000

_BACKENDS = {
    "memory": "channels.layers.InMemoryChannelLayer",
    "core": "channels_redis.core.RedisChannelLayer",
    "pubsub": "channels_redis.pubsub.RedisPubSubChannelLayer",
}
_LAYER = os.environ["LAYER"]
_CONFIG: dict[str, Any] = {"capacity": _CAPACITY}
if _LAYER != "memory":
    # Without a timeout: that of redis-py 8 races the core layer's blocking read and ends idle
    # sockets.
    _CONFIG["hosts"] = [{"address": os.environ["REDIS_URL"], "socket_timeout": None}]
if _LAYER == "pubsub":
    del _CONFIG["capacity"]  # it has none
CHANNEL_LAYERS = {"default": {"BACKEND": _BACKENDS[_LAYER], "CONFIG": _CONFIG}}
