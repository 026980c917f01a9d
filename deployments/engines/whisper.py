"""Whisper on CTranslate2: windows of many sessions in one batch.

faster-whisper loads the model, makes the features and splits words; decoding goes to
CTranslate2 directly, because faster-whisper's own pipelines serve one file at a time. Knows no
session: what is committed comes as a forced prefix, and gates against invented words are not
its business; it only tells the probabilities truthfully.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import ctranslate2
import numpy as np
from faster_whisper import WhisperModel
from numpy.typing import NDArray

from deployments.engines.whisper_decoder import Decoded, WhisperDecoder, rows_by, take
from deployments.engines.whisper_prompts import MAX_PREFIX_TOKENS, decoder_input
from deployments.engines.whisper_vocabulary import WhisperVocabulary
from deployments.engines.whisper_words import Alignment, words_after_prefix
from deployments.models import ResolvedModel
from deployments.types import (
    SAMPLE_RATE_HZ,
    AsrRequest,
    EngineError,
    Hypothesis,
    StageInfo,
    UnsupportedLanguageError,
)

MAX_WINDOW_SAMPLES = 30 * SAMPLE_RATE_HZ
_HOP_SAMPLES = 160
_FULL_FRAMES = 3_000
# Wide enough that sessions meet in a bucket, narrow enough that padding costs at most a third.
_BUCKET_FRAMES = (100, 200, 300, 400, 600, 800, 1_000, 1_500, 2_000, _FULL_FRAMES)
_MIN_ALIGNED_FRAMES = 2


@dataclass(frozen=True, slots=True)
class _Shape:
    """What requests must have in common to be decoded together."""

    frames: int
    """Mel frames that the window is padded to."""
    final: bool
    previous_tokens: int
    """CTranslate2 wants all prompts of a batch to begin at the same position."""


class WhisperAsr:
    """Recognises windows of up to 30 s; not thread-safe, one batch at a time."""

    def __init__(
        self,
        model: ResolvedModel,
        *,
        device: str = "cpu",
        compute_type: str = "default",
        threads: int = 0,
        beam_size: int = 5,
        partial_beam_size: int = 1,
    ) -> None:
        loaded = WhisperModel(
            str(model.path), device=device, compute_type=compute_type, cpu_threads=threads
        )
        self._whisper: ctranslate2.models.Whisper = loaded.model
        self._extract = loaded.feature_extractor
        self._short_windows = model.short_windows
        self._vocabulary = WhisperVocabulary(loaded.hf_tokenizer, loaded.model.is_multilingual)
        languages = model.languages or tuple(loaded.supported_languages)
        self._languages = tuple(code for code in languages if self._vocabulary.has_language(code))
        self._decoder = WhisperDecoder(
            self._whisper, self._vocabulary, self._languages, beam_size, partial_beam_size
        )
        fixed = 0 if model.short_windows else MAX_WINDOW_SAMPLES
        self._info = StageInfo(
            model.name, model.version, self._languages, fixed_window_samples=fixed
        )

    @property
    def info(self) -> StageInfo:
        """The loaded model."""
        return self._info

    def check(self, request: AsrRequest) -> None:
        """Raise EngineError where `request` cannot be decoded, whatever the model thinks of it."""
        samples = request.samples
        if samples.ndim != 1 or samples.dtype != np.float32:
            raise EngineError(f"ASR takes mono float32, not {samples.dtype} {samples.shape}")
        if len(samples) > MAX_WINDOW_SAMPLES:
            raise EngineError(
                f"ASR takes windows of up to {MAX_WINDOW_SAMPLES} samples, not {len(samples)}"
            )
        if not np.isfinite(samples).all():
            raise EngineError("the window holds samples that are not finite")
        for language in (*filter(None, [request.language]), *request.languages):
            if language not in self._languages:
                raise UnsupportedLanguageError(
                    f"{self._info.model} does not know the language {language!r}; "
                    f"it knows {', '.join(self._languages)}"
                )
        if len(self._vocabulary.encode(request.prefix)) > MAX_PREFIX_TOKENS:
            raise EngineError("the forced prefix is longer than the decoder takes")

    def transcribe(self, batch: Sequence[AsrRequest]) -> list[Hypothesis]:
        """One hypothesis for each request, the same words whatever else is in the batch."""
        answers: dict[int, Hypothesis] = {}
        for shape, rows in rows_by(self.shape(request) for request in batch).items():
            hypotheses = self._transcribe_alike([batch[i] for i in rows], shape)
            answers.update(zip(rows, hypotheses, strict=True))
        return [answers[i] for i in range(len(batch))]

    def shape(self, request: AsrRequest) -> _Shape:
        """Equal for requests that are decoded together."""
        previous = decoder_input(request, self._vocabulary).previous
        return _Shape(self._frames(request), request.final, len(previous))

    def warm(self) -> None:
        """Decode noise in each shape of window, so that no request pays for a first run."""
        language = self._languages[0]
        noise = np.random.default_rng(0).normal(0, 0.05, MAX_WINDOW_SAMPLES).astype(np.float32)
        windows = _BUCKET_FRAMES[:6] if self._short_windows else (_FULL_FRAMES,)
        for frames in windows:
            window = noise[: frames * _HOP_SAMPLES]
            for final in (False, True):
                self.transcribe([AsrRequest(window, language, prefix=" a", final=final)] * 2)

    def _frames(self, request: AsrRequest) -> int:
        """Mel frames to pad the window to; its own, so that neighbours change nothing."""
        if not self._short_windows:
            return _FULL_FRAMES
        content = len(request.samples) // _HOP_SAMPLES
        return next(frames for frames in _BUCKET_FRAMES if frames >= content)

    def _transcribe_alike(self, requests: Sequence[AsrRequest], shape: _Shape) -> list[Hypothesis]:
        features = np.stack([self._mel(request, shape.frames) for request in requests])
        encoded = self._whisper.encode(ctranslate2.StorageView.from_array(features))
        decoded = self._decoder.decode(requests, encoded, final=shape.final)
        alignments = self._align(decoded, encoded)
        return [
            self._hypothesis(item, alignment)
            for item, alignment in zip(decoded, alignments, strict=True)
        ]

    def _mel(self, request: AsrRequest, frames: int) -> NDArray[np.float32]:
        """Log-mel features, shape (mels, frames), padded as faster-whisper does."""
        content = len(request.samples) // _HOP_SAMPLES
        mel: NDArray[np.float32] = self._extract(request.samples)[:, :content]
        return np.pad(mel, ((0, 0), (0, frames - content)))

    def _align(
        self, decoded: Sequence[Decoded], encoded: ctranslate2.StorageView
    ) -> list[Alignment | None]:
        """Token times of each item, None where there is no token."""
        alignments: list[Alignment | None] = [None] * len(decoded)
        with_text = {i: item.language for i, item in enumerate(decoded) if item.tokens}
        for language, positions in rows_by(with_text.values()).items():
            rows = [list(with_text)[p] for p in positions]
            results = self._whisper.align(
                take(encoded, rows),
                self._vocabulary.start(language),
                [decoded[row].tokens for row in rows],
                [_aligned_frames(decoded[row].request) for row in rows],
            )
            for row, result in zip(rows, results, strict=True):
                limit = len(decoded[row].request.samples)
                path, probabilities = result.alignments, result.text_token_probs
                alignments[row] = Alignment.from_path(path, probabilities, limit)
        return alignments

    def _hypothesis(self, item: Decoded, alignment: Alignment | None) -> Hypothesis:
        splitter = self._vocabulary.splitter(item.language)
        count = item.prefix_count
        words = words_after_prefix(splitter, item.tokens, count, alignment) if alignment else ()
        return Hypothesis(
            # Where there was no room for more, the last word may lack its end.
            words=words[:-1] if item.cut_off else words,
            language=item.language,
            language_probability=item.language_probability,
            no_speech_probability=float(item.no_speech_probability),
            average_log_probability=float(item.average_log_probability),
            full=len(item.tokens) > MAX_PREFIX_TOKENS,
        )


def _aligned_frames(request: AsrRequest) -> int:
    return max(len(request.samples) // _HOP_SAMPLES, _MIN_ALIGNED_FRAMES)
