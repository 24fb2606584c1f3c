"""Everything that is done to a deployment on purpose. Each fault is over when its function returns.

What a fault leaves to do is for the deployment to heal by itself: only programs that were stopped
are started again.
"""

from tests.chaos.faults import clients, database, processes, redis
from tests.chaos.scene import FAULTS, Fault, Scene

__all__ = ["FAULTS", "Fault", "Scene", "clients", "database", "processes", "redis"]
