"""AlignAtt and LocalAgreement together: a word of either is final."""

from __future__ import annotations

from deployments.types import Word
from serve_app.session.policies.base import is_clear
from serve_app.session.policies.la2 import LocalAgreement


class Hybrid(LocalAgreement):
    """Commits what is clear and probable at first sight, and of the rest what is agreed on.

    AlignAtt alone is quick but trusts a single hypothesis, which costs accuracy where a model's
    attention is loose; agreement alone lets every word wait for an update.
    """

    def is_final_at_first_sight(self, word: Word, heard_until: int) -> bool:
        """As AlignAtt has it, for a word that is probable as well."""
        probable = word.probability > self._sure_probability
        return probable and is_clear(word, heard_until, self._sure_guard)
