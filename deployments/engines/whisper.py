"""Whisper on CTranslate2: windows of many sessions in one batch.

faster-whisper loads the model, makes the features and splits words; decoding goes to
CTranslate2 directly, because faster-whisper's own pipelines serve one file at a time. Knows no
session: what is committed comes as a forced prefix, and gates against invented words are not
its business; it only tells the probabilities truthfully.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import ctranslate2
import numpy as np
from faster_whisper import WhisperModel
from numpy.typing import NDArray

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
_MAX_DECODER_STEPS = 224
_TOKENS_PER_SECOND = 20
_LEAST_NEW_TOKENS = 16
_MIN_ALIGNED_FRAMES = 2

_Key = TypeVar("_Key", bound=Hashable)


@dataclass(frozen=True, slots=True)
class _Decoded:
    """One item of a batch after decoding: ids of prefix and answer, all below the end token."""

    request: AsrRequest
    language: str
    language_probability: float
    tokens: list[int]
    prefix_count: int
    no_speech_probability: float
    average_log_probability: float


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
    ) -> None:
        loaded = WhisperModel(
            str(model.path), device=device, compute_type=compute_type, cpu_threads=threads
        )
        self._whisper: ctranslate2.models.Whisper = loaded.model
        self._extract = loaded.feature_extractor
        self._short_windows = model.short_windows
        self._beam_size = beam_size
        self._vocabulary = WhisperVocabulary(loaded.hf_tokenizer, loaded.model.is_multilingual)
        languages = model.languages or tuple(loaded.supported_languages)
        self._languages = tuple(code for code in languages if self._vocabulary.has_language(code))
        fixed = 0 if model.short_windows else MAX_WINDOW_SAMPLES
        self._info = StageInfo(model.name, model.version, self._languages, fixed)

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
        if len(self._vocabulary.encode(request.prefix)) > _MAX_DECODER_STEPS - _LEAST_NEW_TOKENS:
            raise EngineError("the forced prefix is longer than the decoder takes")

    def transcribe(self, batch: Sequence[AsrRequest]) -> list[Hypothesis]:
        """One hypothesis for each request, the same words whatever else is in the batch."""
        answers: dict[int, Hypothesis] = {}
        for (frames, final), rows in _rows_by((self._frames(r), r.final) for r in batch).items():
            beam_size = self._beam_size if final else 1
            hypotheses = self._transcribe_alike([batch[i] for i in rows], frames, beam_size)
            answers.update(zip(rows, hypotheses, strict=True))
        return [answers[i] for i in range(len(batch))]

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

    def _transcribe_alike(
        self, requests: Sequence[AsrRequest], frames: int, beam_size: int
    ) -> list[Hypothesis]:
        features = np.stack([self._mel(request, frames) for request in requests])
        encoded = self._whisper.encode(ctranslate2.StorageView.from_array(features))
        decoded = self._decode(requests, encoded, beam_size)
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

    def _decode(
        self, requests: Sequence[AsrRequest], encoded: ctranslate2.StorageView, beam_size: int
    ) -> list[_Decoded]:
        languages = self._languages_of(requests, encoded)
        prefixes = [self._vocabulary.encode(request.prefix) for request in requests]
        limits = [
            min(len(prefix) + _most_new_tokens(request), _MAX_DECODER_STEPS)
            for prefix, request in zip(prefixes, requests, strict=True)
        ]
        results = self._whisper.generate(
            encoded,
            [
                [*self._vocabulary.start(language), self._vocabulary.no_timestamps, *prefix]
                for (language, _), prefix in zip(languages, prefixes, strict=True)
            ],
            beam_size=beam_size,
            # CTranslate2 gives half of this to the decoder, the rest to a prompt before the text.
            max_length=2 * max(limits),
            return_scores=True,
            return_no_speech_prob=True,
            # It would forbid the end right after the prefix, so that a pause yields a word.
            suppress_blank=False,
            suppress_tokens=self._vocabulary.suppressed,
        )
        return [
            self._decoded(request, language, len(prefix), limit, result)
            for request, language, prefix, limit, result in zip(
                requests, languages, prefixes, limits, results, strict=True
            )
        ]

    def _decoded(
        self,
        request: AsrRequest,
        language: tuple[str, float],
        prefix_count: int,
        limit: int,
        result: ctranslate2.models.WhisperGenerationResult,
    ) -> _Decoded:
        ids = result.sequences_ids[0]
        new_count = len(ids) - prefix_count
        # The score is a mean over all ids of a sum over the new ones and the end token.
        log_probability = result.scores[0] * len(ids) / (new_count + 1) if new_count else 0.0
        # A neighbour with a longer limit must not make this item run on.
        tokens = [token for token in ids[:limit] if token < self._vocabulary.end]
        return _Decoded(
            request, *language, tokens, prefix_count, result.no_speech_prob, log_probability
        )

    def _languages_of(
        self, requests: Sequence[AsrRequest], encoded: ctranslate2.StorageView
    ) -> list[tuple[str, float]]:
        if all(request.language for request in requests):
            return [(request.language or "", 1.0) for request in requests]
        if not self._vocabulary.multilingual:
            return [(self._languages[0], 1.0)] * len(requests)
        detected = self._whisper.detect_language(encoded)
        return [
            (request.language, 1.0)
            if request.language
            else _best_language(ranking, request.languages or self._languages)
            for request, ranking in zip(requests, detected, strict=True)
        ]

    def _align(
        self, decoded: Sequence[_Decoded], encoded: ctranslate2.StorageView
    ) -> list[Alignment | None]:
        """Token times of each item, None where there is no token."""
        alignments: list[Alignment | None] = [None] * len(decoded)
        with_text = {i: item.language for i, item in enumerate(decoded) if item.tokens}
        for language, positions in _rows_by(with_text.values()).items():
            rows = [list(with_text)[p] for p in positions]
            results = self._whisper.align(
                _take(encoded, rows),
                self._vocabulary.start(language),
                [decoded[row].tokens for row in rows],
                [_aligned_frames(decoded[row].request) for row in rows],
            )
            for row, result in zip(rows, results, strict=True):
                limit = len(decoded[row].request.samples)
                path, probabilities = result.alignments, result.text_token_probs
                alignments[row] = Alignment.from_path(path, probabilities, limit)
        return alignments

    def _hypothesis(self, item: _Decoded, alignment: Alignment | None) -> Hypothesis:
        splitter = self._vocabulary.splitter(item.language)
        count = item.prefix_count
        return Hypothesis(
            words=words_after_prefix(splitter, item.tokens, count, alignment) if alignment else (),
            language=item.language,
            language_probability=item.language_probability,
            no_speech_probability=float(item.no_speech_probability),
            average_log_probability=float(item.average_log_probability),
            prefix_end_samples=int(alignment.starts[count]) if alignment and count else 0,
        )


def _best_language(
    ranking: Sequence[tuple[str, float]], choice: Sequence[str]
) -> tuple[str, float]:
    known = ((token[2:-2], float(probability)) for token, probability in ranking)
    return next(pair for pair in known if pair[0] in choice)


def _most_new_tokens(request: AsrRequest) -> int:
    """Nobody speaks faster; a decoder that runs in circles would."""
    return _LEAST_NEW_TOKENS + _TOKENS_PER_SECOND * len(request.samples) // SAMPLE_RATE_HZ


def _aligned_frames(request: AsrRequest) -> int:
    return max(len(request.samples) // _HOP_SAMPLES, _MIN_ALIGNED_FRAMES)


def _rows_by(keys: Iterable[_Key]) -> dict[_Key, list[int]]:
    """Positions of equal keys, in order."""
    rows: dict[_Key, list[int]] = defaultdict(list)
    for row, key in enumerate(keys):
        rows[key].append(row)
    return rows


def _take(encoded: ctranslate2.StorageView, rows: Sequence[int]) -> ctranslate2.StorageView:
    """Some rows of a batch; by way of host memory, as CTranslate2 offers no slices."""
    if len(rows) == encoded.shape[0]:
        return encoded
    on_host = encoded.to_device(ctranslate2.Device.cpu).to(ctranslate2.DataType.float32)
    return ctranslate2.StorageView.from_array(np.ascontiguousarray(np.array(on_host)[list(rows)]))
