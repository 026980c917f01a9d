"""Carries a session's effects to the three stages and their answers back; knows no Ray, no HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Coroutine, Mapping
from dataclasses import dataclass, replace
from typing import Any

from deployments.circuit import Circuit, Doubt
from deployments.types import AsrPort, DeadlyRequestError, EngineError, MtPort, VadPort
from serve_app.errors import DragomanError
from serve_app.metrics import SessionMeter
from serve_app.session import effects as fx
from serve_app.session.audio import BYTES_PER_SAMPLE
from serve_app.session.listener import MAX_PIECE_SAMPLES
from serve_app.session.session import Session

Ask = fx.RunVad | fx.RunAsr | fx.RunMt
Circuits = Mapping[fx.Stage, Circuit]
"""Shared by all sessions of a process."""

STAGES: Mapping[type[fx.Effect], fx.Stage] = {
    fx.RunVad: fx.Stage.VAD,
    fx.RunAsr: fx.Stage.ASR,
    fx.RunMt: fx.Stage.MT,
}

PIECE_BYTES = MAX_PIECE_SAMPLES * BYTES_PER_SAMPLE - BYTES_PER_SAMPLE
"""Audio goes to the session in pieces of at most this size."""


@dataclass(frozen=True, slots=True)
class Ports:
    """The three stages, as a session's runner reaches them."""

    vad: VadPort
    asr: AsrPort
    mt: MtPort


@dataclass(frozen=True, slots=True)
class StageTimeouts:
    """How long a session waits for a stage before it goes on without the answer."""

    vad_s: float = 30.0
    asr_s: float = 30.0
    mt_s: float = 30.0
    patience_s: float = 300.0
    """How long it asks again for what it cannot do without."""


def new_circuits() -> Circuits:
    """For a process that has asked nobody yet."""
    return {stage: Circuit(stage.value.upper()) for stage in fx.Stage}


class SessionRunner:
    """One session at work; iterate `events` to its end, or close it to stop all of it."""

    def __init__(
        self,
        session: Session,
        ports: Ports,
        timeouts: StageTimeouts,
        meter: SessionMeter,
        circuits: Circuits,
    ) -> None:
        self._session = session
        self._ports = ports
        self._timeouts = timeouts
        self._meter = meter
        self._circuits = circuits
        self._doubt = Doubt()
        """Of the windows: each holds what the one before it held."""
        self._outbox: asyncio.Queue[fx.Emit | BaseException | None] = asyncio.Queue()
        self._room = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._begun = False
        self._early: list[fx.Input] = []

    async def events(
        self, inputs: AsyncIterator[bytes | fx.Input], config: Mapping[str, Any]
    ) -> AsyncGenerator[fx.Emit, None]:
        """Numbered events until the session has closed; raises what a stage should never raise.

        Bytes among the inputs are audio as a session takes it.
        """
        self._meter.open()
        try:
            self._carry_out(self._session.open(config))
            self._begun = True
            for early in self._early:
                self._feed(early)
            self._spawn(self._read(inputs))
            while (item := await self._outbox.get()) is not None:
                if isinstance(item, BaseException):
                    raise item
                yield item
        finally:
            self._meter.close()
            await self._stop()

    def tell(self, item: fx.Input) -> None:
        """Feed the session now, ahead of inputs that still wait, or first of all."""
        if self._begun:
            self._feed(item)
        else:
            self._early.append(item)

    async def _read(self, inputs: AsyncIterator[bytes | fx.Input]) -> None:
        """Feed the session as fast as it takes audio, and no faster."""
        try:
            async for piece in inputs:
                if not isinstance(piece, bytes):
                    self._feed(piece)
                    continue
                for at in range(0, len(piece), PIECE_BYTES):
                    await self._wait_for_room()
                    self._feed(fx.Audio(piece[at : at + PIECE_BYTES]))
        except DragomanError as error:
            self._feed(fx.AudioFailed(error.code, error.message, error.retryable))
        else:
            self._feed(fx.EndOfAudio())

    async def _wait_for_room(self) -> None:
        while not self._session.wants_audio:
            self._room.clear()
            await self._room.wait()

    def _feed(self, item: fx.Input) -> None:
        self._meter.fed(item)
        self._carry_out(self._session.receive(item))
        self._room.set()

    def _carry_out(self, effects: list[fx.Effect]) -> None:
        self._meter.caused(effects)
        for effect in effects:
            match effect:
                case fx.Emit():
                    self._outbox.put_nowait(effect)
                case fx.Finish():
                    self._outbox.put_nowait(None)
                case _:
                    self._spawn(self._ask(effect))

    async def _ask(self, request: Ask) -> None:
        with self._meter.asking(STAGES[type(request)]):
            answer = await self._answer(request)
        self._feed(answer)

    async def _answer(self, request: Ask) -> fx.Input:
        circuit = self._circuits[STAGES[type(request)]]
        patience_s = self._timeouts.patience_s if _is_needed(request) else 0.0
        try:
            match request:
                case fx.RunVad(vad):
                    answer = await circuit.ask(
                        lambda terms: self._ports.vad.detect(replace(vad, terms=terms)),
                        self._timeouts.vad_s,
                        patience_s,
                    )
                    return fx.VadAnswered(answer)
                case fx.RunAsr(asr):
                    heard = await circuit.ask(
                        lambda terms: self._ports.asr.transcribe(replace(asr, terms=terms)),
                        self._timeouts.asr_s,
                        patience_s,
                        self._doubt,
                    )
                    return fx.AsrAnswered(heard)
                case fx.RunMt(segment_id, mt):
                    draft = await circuit.ask(
                        lambda terms: self._ports.mt.translate(replace(mt, terms=terms)),
                        self._timeouts.mt_s,
                        patience_s,
                    )
                    return fx.MtAnswered(segment_id, mt.target_language, draft)
        except DeadlyRequestError as error:
            if isinstance(request, fx.RunAsr):
                self._doubt = Doubt()
            return _failure(request, str(error), deadly=True)
        except EngineError as error:
            return _failure(request, str(error))
        except TimeoutError:
            return _failure(request, "the stage did not answer in time")

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._outbox.put_nowait(error)

    async def _stop(self) -> None:
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _is_needed(request: Ask) -> bool:
    """Whether no later request makes it good that this one was not answered."""
    match request:
        case fx.RunVad():
            return True
        case fx.RunAsr(asr):
            return asr.final
        case fx.RunMt(_, mt):
            return not mt.open


def _failure(request: Ask, message: str, *, deadly: bool = False) -> fx.StageFailed:
    match request:
        case fx.RunVad():
            return fx.StageFailed(fx.Stage.VAD, message, deadly=deadly)
        case fx.RunAsr():
            return fx.StageFailed(fx.Stage.ASR, message, deadly=deadly)
        case fx.RunMt(segment_id, mt):
            return fx.StageFailed(
                fx.Stage.MT, message, segment_id, mt.target_language, deadly=deadly
            )
