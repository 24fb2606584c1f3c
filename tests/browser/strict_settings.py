"""The site's settings, with the strictest Content-Security-Policy that lets anything run at all."""

from project.settings import *  # noqa: F403
from project.settings import MIDDLEWARE

MIDDLEWARE = ["tests.browser.policy.strict_policy", *MIDDLEWARE]
