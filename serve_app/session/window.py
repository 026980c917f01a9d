"""How often and how much of an utterance is decoded. Plain data."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class WindowOptions:
    """How often and how much of an utterance is decoded."""

    update_interval_ms: int = 256
    """New audio between two decodes of the same utterance; the first waits for `min_window_ms`."""
    min_window_ms: int = 400
    """Less audio than this is not worth a first decode."""
    max_window_ms: int = 10_000
    """Beyond this the window lets go of audio whose words are committed."""
    edge_guard_ms: int = 160
    """Where a window ends within speech: a word that ends this close to its end may be half a word,
    and is left to the next window."""
    min_probability: float = 0.5
    """A word less likely than this waits for more audio, and so do those after it, ..."""
    max_wait_ms: int = 1_500
    """... but not longer than this: more audio would not tell more."""
    max_rest_ms: int = 800
    """An utterance is over when its last word was this long ago, although VAD still hears speech:
    people in the background. Kaldi's endpoint rules do likewise with the decoder's silence
    (https://kaldi-asr.org/doc/structkaldi_1_1OnlineEndpointConfig.html)."""
    max_wordless_ms: int = 4_000
    """A window in which no word was found lets go of its oldest audio when it gets longer."""
    context_characters: int = 0
    """How much of what was said before goes with each window. The bundled model was trained with
    unrelated text there and is worse for it; Whisper's own models gain by it."""
