"""What the tests that break things ask for."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from tests.chaos.deployment import Deployment, Plan
from tests.integration.conftest import room, visit

__all__ = ["room", "visit"]

PLANS = (
    Plan("daphne", "core", "postgres"),
    Plan("uvicorn", "pubsub", "postgres"),
    Plan("daphne", "core", "sqlite"),
)


Deploy = Callable[[Plan], Deployment]


@pytest.fixture(scope="module")
def deploy(request: pytest.FixtureRequest) -> Iterator[Deploy]:
    """Makes deployments, one for each plan, which the tests of a module share."""
    running: dict[Plan, Deployment] = {}
    with ExitStack() as stack:

        def find(plan: Plan) -> Deployment:
            if plan not in running:
                wanted = "postgres_server" if plan.database == "postgres" else None
                postgres = request.getfixturevalue(wanted) if wanted else None
                running[plan] = stack.enter_context(Deployment(plan, postgres))
            return running[plan]

        yield find


@pytest.fixture(params=PLANS, ids=str)
def site(deploy: Deploy, request: pytest.FixtureRequest) -> Iterator[Deployment]:
    """A deployment that is whole, and is made whole again after the test."""
    found = deploy(request.param)
    found.heal()
    yield found
    print(found.log)  # pytest shows this only if the test failed
    found.heal()
