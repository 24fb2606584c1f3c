"""What the tests that break things ask for."""

from collections.abc import Iterator

import pytest

from tests.chaos.deployment import Deployment, Plan
from tests.integration.conftest import room, visit

__all__ = ["room", "visit"]

PLANS = (
    Plan("daphne", "core", "postgres"),
    Plan("uvicorn", "pubsub", "postgres"),
    Plan("daphne", "core", "sqlite"),
)


@pytest.fixture(scope="module", params=PLANS, ids=str)
def deployment(request: pytest.FixtureRequest) -> Iterator[Deployment]:
    """A deployment of each kind, which the tests of a module share."""
    plan: Plan = request.param
    postgres = request.getfixturevalue("postgres_server") if plan.database == "postgres" else None
    with Deployment(plan, postgres) as found:
        yield found


@pytest.fixture
def site(deployment: Deployment) -> Iterator[Deployment]:
    """A deployment that is whole, and is made whole again after the test."""
    deployment.heal()
    yield deployment
    print(deployment.log)  # pytest shows this only if the test failed
    deployment.heal()
