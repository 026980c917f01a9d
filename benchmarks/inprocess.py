"""The real engines and one real session in this process, on a simulated clock.

Audio comes in at the pace it was spoken; each stage serves one batch at a time, and a batch takes
as long as `Costs` says. So a stream of minutes runs in seconds, and its lags are those of a machine
that has a core for each stage and nothing else to do: no network, no server, no other sessions.
"""

from __future__ import annotations

import heapq
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import count

from benchmarks.measures import Heard
from deployments.asr import AsrEngine, AsrSettings
from deployments.asr import load_engine as load_asr
from deployments.mt import load_batch_engine as load_mt
from deployments.mt_adapters import BatchMtEngine
from deployments.vad import VadEngine
from deployments.vad import load_engine as load_vad
from serve_app.config import AppConfig
from serve_app.session import effects as fx
from serve_app.session.audio import BYTES_PER_SAMPLE, SAMPLES_PER_MS
from serve_app.session.session import Session

BYTES_PER_MS = SAMPLES_PER_MS * BYTES_PER_SAMPLE
PIECE_BYTES = 20 * BYTES_PER_MS

BUNDLED = AppConfig(asr=AsrSettings(compute_type="int8"))
"""The bundled models, as serve_config.yaml runs them."""

_TURNS = {fx.Stage.MT: 0, fx.Stage.ASR: 1, fx.Stage.VAD: 2}
"""Answers at the same moment: what has been heard is dealt with before more is heard."""

Ask = fx.RunVad | fx.RunAsr | fx.RunMt
Costs = Callable[[fx.Stage, float], float]
"""(stage, CPU seconds that the batch took here) -> milliseconds that it takes in the simulation."""


def free(stage: fx.Stage, cpu_s: float) -> float:
    """As if computing took no time: exact, and the same on any machine."""
    return 0.0


def as_measured(stage: fx.Stage, cpu_s: float) -> float:
    """The CPU time of the call: what it takes alone on a core, however busy this machine is."""
    return cpu_s * 1000


def fixed(costs_ms: dict[fx.Stage, float]) -> Costs:
    """The same time for each call of a stage: the same figures on any machine."""
    return lambda stage, _: costs_ms[stage]


class Engines:
    """The engines of the three stages, loaded when they are first asked."""

    def __init__(self, config: AppConfig = BUNDLED) -> None:
        self._config = config

    @cached_property
    def vad(self) -> VadEngine:
        """Speech detection."""
        return load_vad(self._config.vad)

    @cached_property
    def asr(self) -> AsrEngine:
        """Speech recognition."""
        return load_asr(self._config.asr)

    @cached_property
    def mt(self) -> BatchMtEngine:
        """Translation."""
        return load_mt(self._config.mt)

    def warm(self) -> None:
        """Load all, and make their first calls."""
        for engine in (self.vad, self.asr, self.mt):
            engine.warm()

    def answer(self, stage: fx.Stage, asks: Sequence[Ask]) -> list[fx.Input]:
        """One answer for each request of a stage, as one batch; raises EngineError."""
        match stage:
            case fx.Stage.VAD:
                vads = [ask.request for ask in asks if isinstance(ask, fx.RunVad)]
                return [fx.VadAnswered(answer) for answer in self.vad.detect(vads)]
            case fx.Stage.ASR:
                asrs = [ask.request for ask in asks if isinstance(ask, fx.RunAsr)]
                return [fx.AsrAnswered(heard) for heard in self.asr.transcribe(asrs)]
            case fx.Stage.MT:
                mts = [ask for ask in asks if isinstance(ask, fx.RunMt)]
                drafts = self.mt.translate([ask.request for ask in mts])
                return [
                    fx.MtAnswered(ask.segment_id, ask.request.target_language, draft)
                    for ask, draft in zip(mts, drafts, strict=True)
                ]

    def stream(
        self,
        session: Session,
        pcm: bytes,
        piece_bytes: int = PIECE_BYTES,
        costs: Costs = free,
        watch: Callable[[Ask], None] | None = None,
    ) -> list[Heard]:
        """All events of a session that hears `pcm`; `watch` sees each request to a stage."""
        pieces = (pcm[at : at + piece_bytes] for at in range(0, len(pcm), piece_bytes))
        return list(Simulation(self, session, costs, watch).run(pieces))


@dataclass(slots=True)
class _Queue:
    """Requests of one stage; those that wait while a batch runs make up the next."""

    waiting: list[Ask] = field(default_factory=list)
    busy: bool = False


class Simulation:
    """One session and its stages, from event to event."""

    def __init__(
        self,
        engines: Engines,
        session: Session,
        costs: Costs,
        watch: Callable[[Ask], None] | None = None,
    ) -> None:
        self._engines = engines
        self._session = session
        self._costs = costs
        self._watch = watch
        self._now_ms = 0.0
        self._queues = {stage: _Queue() for stage in fx.Stage}
        self._answers: list[tuple[float, int, int, fx.Stage, list[fx.Input]]] = []
        self._order = count()
        self._told: list[Heard] = []

    def run(self, pieces: Iterable[bytes]) -> Iterator[Heard]:
        """Each event when it is told, until the session has closed."""
        audio = _timed(pieces)
        due_ms, item = next(audio)
        ended = False
        while not ended or self._answers:
            if self._answers and (ended or self._answer_is_next(due_ms)):
                self._deliver()
            else:
                self._now_ms = max(self._now_ms, due_ms)
                self._receive(item)
                ended = isinstance(item, fx.EndOfAudio)
                due_ms, item = next(audio, (due_ms, item))
            self._start_idle_stages()
            yield from self._told
            self._told = []

    def _answer_is_next(self, due_ms: float) -> bool:
        return self._answers[0][0] <= due_ms or not self._session.wants_audio

    def _deliver(self) -> None:
        at_ms, _, _, stage, answers = heapq.heappop(self._answers)
        self._now_ms = max(self._now_ms, at_ms)
        self._queues[stage].busy = False
        for answer in answers:
            self._receive(answer)

    def _receive(self, item: fx.Input) -> None:
        for effect in self._session.receive(item):
            match effect:
                case fx.Emit(_, event):
                    self._told.append(Heard(event, self._now_ms))
                case fx.RunVad():
                    self._ask(fx.Stage.VAD, effect)
                case fx.RunAsr():
                    self._ask(fx.Stage.ASR, effect)
                case fx.RunMt():
                    self._ask(fx.Stage.MT, effect)

    def _ask(self, stage: fx.Stage, ask: Ask) -> None:
        if self._watch is not None:
            self._watch(ask)
        self._queues[stage].waiting.append(ask)

    def _start_idle_stages(self) -> None:
        for stage, queue in self._queues.items():
            if queue.busy or not queue.waiting:
                continue
            batch, queue.waiting, queue.busy = queue.waiting, [], True
            began_s = time.process_time()
            answers = self._engines.answer(stage, batch)
            cost_ms = self._costs(stage, time.process_time() - began_s)
            due_ms = self._now_ms + cost_ms
            heapq.heappush(
                self._answers, (due_ms, _TURNS[stage], next(self._order), stage, answers)
            )


def _timed(pieces: Iterable[bytes]) -> Iterator[tuple[float, fx.Input]]:
    """Each piece when its last sample has been spoken, and the end."""
    at_ms = 0.0
    for piece in pieces:
        at_ms += len(piece) / BYTES_PER_MS
        yield at_ms, fx.Audio(piece)
    yield at_ms, fx.EndOfAudio()
