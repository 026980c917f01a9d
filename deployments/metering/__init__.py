"""What is measured, by name, and the two places where figures go: Ray's metrics or Prometheus'."""

from deployments.metering.meters import Meters
from deployments.metering.process import process_meters

__all__ = ["Meters", "process_meters"]
