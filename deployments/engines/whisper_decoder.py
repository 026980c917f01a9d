"""The decoder's part of Whisper: from encoded windows to tokens, with a second try for finals."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import ctranslate2
import numpy as np

from deployments.engines.whisper_prompts import (
    MAX_DECODER_STEPS,
    DecoderInput,
    decoder_input,
    total_length,
)
from deployments.engines.whisper_vocabulary import WhisperVocabulary
from deployments.repetition import MAX_COMPRESSION_RATIO, compression_ratio
from deployments.types import AsrRequest

# faster-whisper's thresholds for decoding again.
_MIN_LOG_PROBABILITY = -1.0
_NO_SPEECH_PROBABILITY = 0.6
_SECOND_TRY = {"beam_size": 5, "no_repeat_ngram_size": 3, "repetition_penalty": 1.2}

_Key = TypeVar("_Key", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Decoded:
    """One item of a batch after decoding: ids of prefix and answer, all below the end token."""

    request: AsrRequest
    language: str
    language_probability: float
    tokens: list[int]
    prefix_count: int
    no_speech_probability: float
    average_log_probability: float
    cut_off: bool
    """Whether the decoder stopped because the window holds more than it can say."""


class WhisperDecoder:
    """Decodes windows of many sessions together; not thread-safe."""

    def __init__(
        self,
        whisper: ctranslate2.models.Whisper,
        vocabulary: WhisperVocabulary,
        languages: Sequence[str],
        beam_size: int,
        partial_beam_size: int,
    ) -> None:
        self._whisper = whisper
        self._vocabulary = vocabulary
        self._languages = languages
        self._beam_size = beam_size
        self._partial_beam_size = partial_beam_size

    def decode(
        self, requests: Sequence[AsrRequest], encoded: ctranslate2.StorageView, *, final: bool
    ) -> list[Decoded]:
        """What each window says, with the beam of finals or that of the decodes before them."""
        languages = self._languages_of(requests, encoded)
        inputs = [decoder_input(request, self._vocabulary) for request in requests]
        beam_size = self._beam_size if final else self._partial_beam_size
        results = self._generate(encoded, languages, inputs, beam_size=beam_size)
        decoded = [
            self._decoded(*item) for item in zip(requests, languages, inputs, results, strict=True)
        ]
        if final:
            self._try_again(decoded, inputs, encoded)
        return decoded

    def _generate(
        self,
        encoded: ctranslate2.StorageView,
        languages: Sequence[tuple[str, float]],
        inputs: list[DecoderInput],
        **how: float,
    ) -> list[ctranslate2.models.WhisperGenerationResult]:
        results: list[ctranslate2.models.WhisperGenerationResult] = self._whisper.generate(
            encoded,
            [
                [
                    *one.previous,
                    *self._vocabulary.start(language),
                    self._vocabulary.no_timestamps,
                    *one.prefix,
                ]
                for (language, _), one in zip(languages, inputs, strict=True)
            ],
            max_length=total_length(inputs),
            return_scores=True,
            return_no_speech_prob=True,
            # It would forbid the end right after the prefix, so that a pause yields a word.
            suppress_blank=False,
            suppress_tokens=self._vocabulary.suppressed,
            **how,
        )
        return results

    def _try_again(
        self,
        decoded: list[Decoded],
        inputs: list[DecoderInput],
        encoded: ctranslate2.StorageView,
    ) -> None:
        """Replace answers that go round in circles or guess, where another way of decoding helps.

        Whisper's own fallback draws at random at rising temperatures; CTranslate2 seeds a thread's
        generator once for all, so the same request would get another answer each time.
        """
        rows = [row for row, item in enumerate(decoded) if self._is_doubtful(item)]
        if not rows:
            return
        again = [inputs[row] for row in rows]
        languages = [(decoded[row].language, decoded[row].language_probability) for row in rows]
        results = self._generate(take(encoded, rows), languages, again, **_SECOND_TRY)
        for row, language, one, result in zip(rows, languages, again, results, strict=True):
            second = self._decoded(decoded[row].request, language, one, result)
            if not self._is_doubtful(second):
                decoded[row] = second

    def _is_doubtful(self, item: Decoded) -> bool:
        """faster-whisper's reasons to decode again; silence is none."""
        tokens = item.tokens[item.prefix_count :]
        if not tokens or item.no_speech_probability > _NO_SPEECH_PROBABILITY:
            return False
        text = self._vocabulary.splitter(item.language).decode(tokens).strip()
        loops = compression_ratio(text) > MAX_COMPRESSION_RATIO
        return loops or item.average_log_probability < _MIN_LOG_PROBABILITY

    def _decoded(
        self,
        request: AsrRequest,
        language: tuple[str, float],
        given: DecoderInput,
        result: ctranslate2.models.WhisperGenerationResult,
    ) -> Decoded:
        ids = result.sequences_ids[0]
        prefix_count = len(given.prefix)
        new_count = len(ids) - prefix_count
        # The score is a mean over all ids of a sum over the new ones and the end token.
        log_probability = result.scores[0] * len(ids) / (new_count + 1) if new_count else 0.0
        # A neighbour with a longer limit must not make this item run on.
        tokens = [token for token in ids[: given.limit] if token < self._vocabulary.end]
        return Decoded(
            request,
            *language,
            tokens,
            prefix_count,
            result.no_speech_prob,
            log_probability,
            cut_off=len(tokens) == MAX_DECODER_STEPS,
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
            (request.language, 1.0) if request.language else self._best_language(request, ranking)
            for request, ranking in zip(requests, detected, strict=True)
        ]

    def _best_language(
        self, request: AsrRequest, ranking: Sequence[tuple[str, float]]
    ) -> tuple[str, float]:
        """The most probable language, or the usual one where that is not probable enough."""
        choice = request.languages or self._languages
        probabilities = {token[2:-2]: float(probability) for token, probability in ranking}
        best = next(code for code in probabilities if code in choice)
        usual = request.usual_language
        if usual is None or usual not in choice:
            return best, probabilities[best]
        if probabilities[best] < request.switch_probability:
            best = usual
        return best, probabilities[best]


def rows_by(keys: Iterable[_Key]) -> dict[_Key, list[int]]:
    """Positions of equal keys, in order."""
    rows: dict[_Key, list[int]] = defaultdict(list)
    for row, key in enumerate(keys):
        rows[key].append(row)
    return rows


def take(encoded: ctranslate2.StorageView, rows: Sequence[int]) -> ctranslate2.StorageView:
    """Some rows of a batch; by way of host memory, as CTranslate2 offers no slices."""
    if len(rows) == encoded.shape[0]:
        return encoded
    on_host = encoded.to_device(ctranslate2.Device.cpu).to(ctranslate2.DataType.float32)
    return ctranslate2.StorageView.from_array(np.ascontiguousarray(np.array(on_host)[list(rows)]))
