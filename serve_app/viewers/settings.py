"""How sessions may be followed."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from deployments.hub import HubSettings


class ViewerSettings(BaseModel):
    """Of one replica, but for the hub, which all share."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    link_ttl_s: Annotated[float, Field(ge=60, le=7 * 86_400)] = 6 * 3_600.0
    """How long a viewer link lets people in."""
    max_viewers: Annotated[int, Field(ge=1, le=100_000)] = 100
    """Connections of viewers to one replica; one more gets 429. Each holds one of the ingress's
    `max_ongoing_requests`, as a speaker does."""
    max_connection_bytes: Annotated[int, Field(ge=65_536, le=64 << 20)] = 1 << 20
    """After as much a viewer must connect again, as browsers do by themselves: what somebody who
    does not read can leave waiting in the proxy is never more."""
    hub: HubSettings = HubSettings()
