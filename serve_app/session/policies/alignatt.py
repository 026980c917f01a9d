"""AlignAtt, decided after decoding: what the decoder said without looking at the edge is final."""

from __future__ import annotations

from deployments.types import Word
from serve_app.session.policies.base import Decision, commit_while, is_clear


class AlignAtt:
    """A word is final when its last token attended to audio well before the end of what was heard.

    Papi et al. 2023 (https://arxiv.org/abs/2305.11408), for Whisper in Simul-Whisper
    (https://arxiv.org/abs/2406.10052). They stop the decoder at the first token that looks too near
    the edge; cutting afterwards gives the same tokens, because greedy tokens do not depend on
    where decoding stops, and lets sessions decode in one batch. One hypothesis is enough, so a
    word need not wait for the next update.
    """

    def __init__(self, guard_samples: int, hold_back_words: int) -> None:
        self._guard = guard_samples
        self._hold_back = hold_back_words

    def update(self, words: tuple[Word, ...], heard_until: int) -> Decision:
        """Positions share the unit of `Word.attended_samples`."""
        clear = (is_clear(word, heard_until, self._guard) for word in words)
        return commit_while(words, clear, self._hold_back)
