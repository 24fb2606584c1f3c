"""Reading what readiness says."""

from chat import health


def failing(checks: dict[str, health.Check]) -> dict[str, str]:
    """Return the details of the checks that say no."""
    return {name: check.detail for name, check in checks.items() if not check.ok}
