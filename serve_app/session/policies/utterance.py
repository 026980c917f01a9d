"""No commit before the end of an utterance: the last decode has all of the context."""

from __future__ import annotations

from deployments.types import Word
from serve_app.session.policies.base import Decision


class WholeUtterance:
    """Leaves every word to the last decode: slowest and best, as good as decoding a file."""

    def update(self, words: tuple[Word, ...], heard_until: int) -> Decision:
        """Everything stays volatile."""
        return Decision(committed=(), volatile=words)
