"""The oracle engines as the stages of many sessions: without a loop or a clock, and with both."""

from __future__ import annotations

import math
import random
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from deployments import asr, vad
from deployments.asr import load_engine as load_asr
from deployments.batching import Batcher, run_apart
from deployments.mt import load_batch_engine as load_mt
from deployments.mt_adapters import BatchedMt
from deployments.types import (
    AsrRequest,
    Draft,
    EngineError,
    Hypothesis,
    MtRequest,
    StageInfo,
    VadAnswer,
    VadRequest,
)
from deployments.vad import load_engine as load_vad
from serve_app.config import AppConfig, with_resume_key
from serve_app.runner import Ports
from serve_app.session import effects as fx
from serve_app.session.events import Event
from serve_app.session.session import Session

Ask = fx.RunVad | fx.RunAsr | fx.RunMt


def oracle_config(**changes: dict[str, Any]) -> AppConfig:
    """All three stages oracles; `vad`, `asr` and `mt` give their `oracle` sections."""
    stages = {"vad": {}, "asr": {}, "mt": {}, **changes}
    tree = {name: {"engine": "oracle", "oracle": oracle} for name, oracle in stages.items()}
    return with_resume_key(AppConfig.model_validate(tree))


class OraclePorts:
    """All three ports, batched as the deployments do it, in this process."""

    def __init__(self, config: AppConfig) -> None:
        self.vad = load_vad(config.vad)
        self.asr = load_asr(config.asr)
        self.mt = load_mt(config.mt)
        self._config = config
        self.batch_vad(self.vad.detect)
        self.batch_asr(self.asr.transcribe)
        self._mt = BatchedMt(self.mt, config.mt)

    def batch_vad(self, run: Callable[[Sequence[VadRequest]], list[VadAnswer]]) -> None:
        """Detect by `run` from now on."""
        self._vad = Batcher(run, self._config.vad, vad.known_good())

    def batch_asr(self, run: Callable[[Sequence[AsrRequest]], list[Hypothesis]]) -> None:
        """Recognise by `run` from now on."""
        self._asr = Batcher(run, self._config.asr, asr.known_good(self.asr.info))

    async def detect(self, request: VadRequest) -> VadAnswer:
        self.vad.check(request)
        return await self._vad.ask(request)

    async def transcribe(self, request: AsrRequest) -> Hypothesis:
        self.asr.check(request)
        return await self._asr.ask(request)

    async def translate(self, request: MtRequest) -> Draft:
        self.mt.check(request)
        return await self._mt.translate(request)

    async def info(self) -> StageInfo:
        return self.mt.info

    @property
    def ports(self) -> Ports:
        return Ports(self, self, self)


@dataclass
class Live:
    """One session on its way, and what it has said so far."""

    session: Session
    inputs: deque[fx.Input]
    """Audio still to be fed, and its end."""
    told: list[Event] = field(default_factory=list)
    emitted: list[fx.Emit] = field(default_factory=list)
    failed: list[Ask] = field(default_factory=list)
    """Requests that the stages could not answer."""
    finished: bool = False


def run_together(
    config: AppConfig,
    lives: Sequence[Live],
    rng: random.Random,
    inputs: float = math.inf,
) -> None:
    """Feed all sessions and answer their requests in any order, in batches across sessions.

    Stops in the middle after so many inputs.
    """
    crowd = _Crowd(config, rng)
    for live in lives:
        crowd.take(live, live.session.open({}))
    while not all(live.finished for live in lives) and inputs > 0:
        inputs -= 1
        hungry = [live for live in lives if live.inputs and live.session.wants_audio]
        if crowd.waiting and (not hungry or rng.random() < 0.5):
            crowd.answer_some()
        else:
            live = rng.choice(hungry)
            crowd.take(live, live.session.receive(live.inputs.popleft()))


@dataclass(frozen=True)
class _Stage:
    check: Callable[[Any], None]
    run: Callable[[Any], list[Any]]


class _Crowd:
    """Requests of all sessions, waiting for the stages."""

    def __init__(self, config: AppConfig, rng: random.Random) -> None:
        vad, asr, mt = load_vad(config.vad), load_asr(config.asr), load_mt(config.mt)
        self._stages = {
            fx.RunVad: _Stage(vad.check, vad.detect),
            fx.RunAsr: _Stage(asr.check, asr.transcribe),
            fx.RunMt: _Stage(mt.check, mt.translate),
        }
        self._rng = rng
        self.waiting: list[tuple[Live, Ask]] = []

    def take(self, live: Live, effects: Sequence[fx.Effect]) -> None:
        for effect in effects:
            match effect:
                case fx.Emit(_, event):
                    live.told.append(event)
                    live.emitted.append(effect)
                case fx.Finish():
                    live.finished = True
                case _:
                    self.waiting.append((live, effect))

    def answer_some(self) -> None:
        """Any few of the requests of one stage, as one batch; the answers in any order."""
        kind = type(self._rng.choice(self.waiting)[1])
        alike = [item for item in self.waiting if type(item[1]) is kind]
        batch = self._rng.sample(alike, self._rng.randint(1, len(alike)))
        self.waiting = [item for item in self.waiting if not any(item is one for one in batch)]
        answers = list(zip(batch, self._answers([ask for _, ask in batch]), strict=True))
        self._rng.shuffle(answers)
        for (live, ask), answer in answers:
            if isinstance(answer, fx.StageFailed):
                live.failed.append(ask)
            self.take(live, live.session.receive(answer))

    def _answers(self, asks: Sequence[Ask]) -> list[fx.Input]:
        """What the stage says to requests of one kind."""
        stage = self._stages[type(asks[0])]
        refused = [_refusal(stage, ask) for ask in asks]
        asked = [ask.request for ask, no in zip(asks, refused, strict=True) if no is None]
        answers = iter(run_apart(stage.run, asked) if asked else [])
        return [_input(ask, no or next(answers)) for ask, no in zip(asks, refused, strict=True)]


def _refusal(stage: _Stage, ask: Ask) -> EngineError | None:
    try:
        stage.check(ask.request)
    except EngineError as error:
        return error
    return None


def _input(ask: Ask, answer: object) -> fx.Input:
    if isinstance(answer, EngineError):
        return _failure(ask, answer)
    match ask, answer:
        case fx.RunVad(), VadAnswer():
            return fx.VadAnswered(answer)
        case fx.RunAsr(), Hypothesis():
            return fx.AsrAnswered(answer)
        case fx.RunMt(segment_id, request), Draft():
            return fx.MtAnswered(segment_id, request.target_language, answer)
    raise AssertionError(f"{ask} was answered with {answer}")


def _failure(ask: Ask, error: EngineError) -> fx.StageFailed:
    match ask:
        case fx.RunVad():
            return fx.StageFailed(fx.Stage.VAD, str(error))
        case fx.RunAsr():
            return fx.StageFailed(fx.Stage.ASR, str(error))
        case fx.RunMt(segment_id, request):
            return fx.StageFailed(fx.Stage.MT, str(error), segment_id, request.target_language)
