"""What Whisper's decoder is given before it goes on by itself; knows no model and no audio."""

from __future__ import annotations

from dataclasses import dataclass

from deployments.engines.whisper_vocabulary import WhisperVocabulary
from deployments.types import SAMPLE_RATE_HZ, AsrRequest

MAX_DECODER_STEPS = 224
"""Tokens of one window, forced prefix included; Whisper's decoder has twice as many positions, the
other half for what comes before."""
LEAST_NEW_TOKENS = 16
MAX_PREFIX_TOKENS = MAX_DECODER_STEPS - LEAST_NEW_TOKENS
_TOKENS_PER_SECOND = 20

MAX_HOTWORD_TOKENS = 96
_CONTEXT_TOKENS = (64, 32, 16)
"""CTranslate2 decodes prompts of one length together, so context is cut to one of few; where there
is less, it tells too little to pay for a batch of its own."""


@dataclass(frozen=True, slots=True)
class DecoderInput:
    """A prompt in its three parts, and how far to decode."""

    previous: list[int]
    """Hotwords and earlier text, with the mark before them; empty where there are none."""
    prefix: list[int]
    limit: int
    """Most tokens of prefix and answer together."""


def decoder_input(request: AsrRequest, vocabulary: WhisperVocabulary) -> DecoderInput:
    """The parts of a request's prompt."""
    prefix = vocabulary.encode(request.prefix)
    limit = min(len(prefix) + _most_new_tokens(request), MAX_DECODER_STEPS)
    return DecoderInput(_previous(request, vocabulary), prefix, limit)


def total_length(inputs: list[DecoderInput]) -> int:
    """CTranslate2's `max_length` for a batch: it gives the decoder half of it at most, and no more
    than the previous text leaves."""
    limit = max(one.limit for one in inputs)
    return limit + max(limit, len(inputs[0].previous))


def _previous(request: AsrRequest, vocabulary: WhisperVocabulary) -> list[int]:
    """As faster-whisper lays it out: the mark, hotwords, then the newest of the earlier text."""
    if vocabulary.previous is None:
        return []
    hotwords = vocabulary.encode(f" {request.hotwords.strip()}") if request.hotwords else []
    context = vocabulary.encode(f" {request.context.strip()}") if request.context else []
    kept = next((count for count in _CONTEXT_TOKENS if count <= len(context)), 0)
    told = hotwords[:MAX_HOTWORD_TOKENS] + context[len(context) - kept :]
    return [vocabulary.previous, *told] if told else []


def _most_new_tokens(request: AsrRequest) -> int:
    """Nobody speaks faster; a decoder that runs in circles would."""
    return LEAST_NEW_TOKENS + _TOKENS_PER_SECOND * len(request.samples) // SAMPLE_RATE_HZ
