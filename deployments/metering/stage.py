"""What is measured of a stage in one of its replicas."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from deployments.metering import catalogue as m
from deployments.metering.meters import Meters
from deployments.types import StageInfo

StageName = Literal["vad", "asr", "mt"]


@dataclass(frozen=True, slots=True)
class StageMeter:
    """The figures of one stage."""

    stage: StageName
    meters: Meters

    def loaded(self, info: StageInfo) -> None:
        """A model is ready to answer."""
        self.meters.set(m.MODEL_INFO, 1, stage=self.stage, model=info.model, version=info.version)

    def begun(self, waits_s: list[float], backlog_s: float) -> None:
        """A batch begins: how long each of its requests waited, and what still waits."""
        for wait_s in waits_s:
            self.meters.observe(m.STAGE_SECONDS, wait_s, stage=f"queue_{self.stage}")
        self.meters.observe(m.BATCH_SIZE, len(waits_s), stage=self.stage)
        self.meters.set(m.BACKLOG_AUDIO_SECONDS, backlog_s, stage=self.stage)

    def ran(self, took_s: float, audio_s: float) -> None:
        """A batch ended; `audio_s` is 0 where it was not about audio."""
        self.meters.observe(m.STAGE_SECONDS, took_s, stage=self.stage)
        if audio_s > 0:
            self.meters.observe(m.REALTIME_FACTOR, took_s / audio_s, stage=self.stage)
