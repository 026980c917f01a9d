"""LocalAgreement-2: what two hypotheses in a row say is final."""

from __future__ import annotations

from deployments.types import Word
from serve_app.session.policies.base import Decision, agreement, commit_while


class LocalAgreement:
    """A word is final when two successive hypotheses agree on it and on all before it.

    Liu et al. 2020 (https://arxiv.org/abs/2005.11185), as used for live Whisper by Macháček et al.
    2023 (https://aclanthology.org/2023.ijcnlp-demo.3). Words are compared without case and
    punctuation. A word that touches the end of what was heard may be half a word, and waits. A word
    well before that end that is probable enough need not be seen twice (WhisperLiveKit's shortcut,
    there from a probability of 0.95 on).
    """

    def __init__(
        self,
        edge_guard_samples: int,
        *,
        sure_guard_samples: int,
        sure_probability: float,
        hold_back_words: int,
    ) -> None:
        self._edge_guard = edge_guard_samples
        self._sure_guard = sure_guard_samples
        self._sure_probability = sure_probability
        self._hold_back = hold_back_words
        self._previous: tuple[Word, ...] = ()

    def update(self, words: tuple[Word, ...], heard_until: int) -> Decision:
        """Compare with the hypothesis before; positions share the unit of `Word.end_samples`."""
        agreed = agreement(self._previous, words)
        decision = commit_while(
            words,
            (
                (place < agreed and word.end_samples <= heard_until - self._edge_guard)
                or self.is_final_at_first_sight(word, heard_until)
                for place, word in enumerate(words)
            ),
            self._hold_back,
        )
        self._previous = decision.volatile
        return decision

    def is_final_at_first_sight(self, word: Word, heard_until: int) -> bool:
        """Whether a word needs no second hypothesis."""
        probable = word.probability > self._sure_probability
        return probable and word.end_samples <= heard_until - self._sure_guard
