"""The real engines in this process, asked one request at a time: exact, and free of any clock."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from deployments.asr import AsrEngine, AsrSettings
from deployments.asr import load_engine as load_asr
from deployments.mt import MtEngine, MtSettings
from deployments.mt import load_engine as load_mt
from deployments.vad import VadEngine, VadSettings
from deployments.vad import load_engine as load_vad
from serve_app.session import effects as fx
from serve_app.session.audio import BYTES_PER_SAMPLE, SAMPLES_PER_MS
from serve_app.session.events import Event
from serve_app.session.session import Session

PIECE_BYTES = 20 * SAMPLES_PER_MS * BYTES_PER_SAMPLE


@dataclass(frozen=True)
class Heard:
    """An event, and how much audio had come in when it was emitted."""

    event: Event
    audio_ms: int


class Engines:
    """All three stages with the bundled models."""

    @cached_property
    def vad(self) -> VadEngine:
        return load_vad(VadSettings())

    @cached_property
    def asr(self) -> AsrEngine:
        return load_asr(AsrSettings(compute_type="int8"))

    @cached_property
    def mt(self) -> MtEngine:
        return load_mt(MtSettings())

    def answer(self, effect: fx.Effect) -> fx.Input | None:
        match effect:
            case fx.RunVad(request):
                return fx.VadAnswered(self.vad.detect([request])[0])
            case fx.RunAsr(request):
                return fx.AsrAnswered(self.asr.transcribe([request])[0])
            case fx.RunMt(segment_id, request):
                draft = self.mt.translate([request])[0]
                return fx.MtAnswered(segment_id, request.target_language, draft)
        return None

    def stream(self, session: Session, pcm: bytes, piece_bytes: int = PIECE_BYTES) -> list[Heard]:
        """Feed piece by piece, each dealt with before the next, as if computing took no time."""
        heard: list[Heard] = []
        fed_bytes = 0

        def carry_out(effects: list[fx.Effect]) -> None:
            for effect in effects:
                if isinstance(effect, fx.Emit):
                    audio_ms = fed_bytes // (BYTES_PER_SAMPLE * SAMPLES_PER_MS)
                    heard.append(Heard(effect.event, audio_ms))
                reply = self.answer(effect)
                if reply is not None:
                    carry_out(session.receive(reply))

        for at in range(0, len(pcm), piece_bytes):
            piece = pcm[at : at + piece_bytes]
            fed_bytes += len(piece)
            carry_out(session.receive(fx.Audio(piece)))
        carry_out(session.receive(fx.EndOfAudio()))
        return heard
