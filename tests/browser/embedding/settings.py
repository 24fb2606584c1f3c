"""The strict settings, with a page of a site that knows nothing of the chat's style."""

from pathlib import Path

from tests.browser.strict_settings import *  # noqa: F403
from tests.browser.strict_settings import BASE_DIR, STATICFILES_DIRS, TEMPLATES

HERE = Path(__file__).resolve().parent

ROOT_URLCONF = "tests.browser.embedding.urls"
DIRECTORIES = [HERE / "templates", BASE_DIR / "project" / "templates"]
TEMPLATES = [{**TEMPLATES[0], "DIRS": DIRECTORIES}]
STATICFILES_DIRS = [HERE / "static", *STATICFILES_DIRS]
