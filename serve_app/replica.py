"""What a replica can know of its own end.

Serve tells user code nothing when it stops a replica: the ASGI lifespan and `__del__` come when the
last request has ended, and a socket ends only when it is cut. So this looks where Serve itself
notes it (ray 2.60, `ray.serve._private.replica`); tests/cluster/test_drain.py holds it to that.
"""

from __future__ import annotations

from typing import Any

from ray._private import worker


class OwnReplica:
    """The replica that runs in this process; to be made in a constructor of a deployment."""

    def __init__(self) -> None:
        process: Any = worker.global_worker
        actor = process.actors[process.core_worker.get_actor_id()]
        self._replica: Any = actor._replica_impl

    @property
    def stopping(self) -> bool:
        """Whether Serve waits for its last request: after a redeploy, at scale-in or a drain."""
        return bool(self._replica._shutting_down)

    @property
    def grace_s(self) -> float:
        """How long Serve waits before it kills the process."""
        return float(self._replica._deployment_config.graceful_shutdown_timeout_s)
