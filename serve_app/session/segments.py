"""Committed words become segments: pieces of source text that are translated as one."""

from __future__ import annotations

from dataclasses import dataclass, replace

from deployments.types import Word

SENTENCE_END = frozenset(".?!…。？！")
_CLOSING_QUOTES = "\"'»”’)"


@dataclass(frozen=True, slots=True)
class Segment:
    """A piece of source text, final so far; open while words may still join it."""

    segment_id: str
    utterance_id: str
    language: str
    text: str
    start: int
    """First sample, on the session's clock."""
    end: int


@dataclass(frozen=True, slots=True)
class Growth:
    """What one commit added to a segment."""

    segment: Segment
    """The segment with the addition in it."""
    added: str
    words: tuple[Word, ...]
    closed: bool


class SegmentBuilder:
    """Cuts the committed words of one utterance into segments at sentence ends."""

    def __init__(self, session_id: str, utterance_id: str) -> None:
        self._session_id = session_id
        self._utterance_id = utterance_id
        self._open: Segment | None = None

    @property
    def open(self) -> Segment | None:
        """The segment that still grows."""
        return self._open

    def reopen(self, segment: Segment) -> None:
        """Go on with a segment of a session that is taken up again."""
        self._open = segment

    def add(self, words: tuple[Word, ...], language: str) -> list[Growth]:
        """Committed words in, at most one growth for each segment touched out."""
        grown: list[Growth] = []
        pending: list[Word] = []
        for word in words:
            if self._open is None and not pending and is_bare_punctuation(word.text):
                continue
            pending.append(word)
            if ends_sentence(word.text):
                grown.append(self._grow(tuple(pending), language, closed=True))
                pending = []
        if pending:
            grown.append(self._grow(tuple(pending), language, closed=False))
        return grown

    def close(self) -> Growth | None:
        """End of the utterance: whatever is open is complete."""
        if self._open is None:
            return None
        segment, self._open = self._open, None
        return Growth(segment, added="", words=(), closed=True)

    def _grow(self, words: tuple[Word, ...], language: str, *, closed: bool) -> Growth:
        text = "".join(word.text for word in words)
        if self._open is None:
            text = text.lstrip()
            segment = self._new_segment(words, text, language)
        else:
            segment = replace(self._open, text=self._open.text + text, end=words[-1].end_samples)
        self._open = None if closed else segment
        return Growth(segment, text, words, closed)

    def _new_segment(self, words: tuple[Word, ...], text: str, language: str) -> Segment:
        start = words[0].start_samples
        return Segment(
            segment_id=segment_name(self._session_id, start),
            utterance_id=self._utterance_id,
            language=language,
            text=text,
            start=start,
            end=words[-1].end_samples,
        )


def segment_name(session_id: str, start: int) -> str:
    """A segment is known by where its first word starts."""
    return f"{session_id}.{start}"


def ends_sentence(text: str) -> bool:
    """Whether a word carries punctuation that closes a sentence."""
    return text.rstrip(_CLOSING_QUOTES)[-1:] in SENTENCE_END


def is_bare_punctuation(text: str) -> bool:
    """Whether a piece has no letter or digit of its own."""
    return not any(character.isalnum() for character in text)
