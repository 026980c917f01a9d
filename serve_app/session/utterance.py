"""One utterance: which window to decode next, and what its hypotheses commit."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from itertools import takewhile

from deployments.languages import word_joint
from deployments.types import AsrRequest, Hypothesis, Word
from serve_app.session.audio import SampleBuffer, to_samples
from serve_app.session.gates import Doubt, doubt
from serve_app.session.memory import NO_HINTS, Hints, newest, switch_probability
from serve_app.session.policies.base import CommitPolicy
from serve_app.session.repeats import MAX_REPEATED_WORDS, as_words, without_echo
from serve_app.session.resume import HeldSegment, Said, utterance_name
from serve_app.session.segments import Growth, SegmentBuilder, ends_sentence
from serve_app.session.window import WindowOptions

_REST_PAD_MS = 160
_NEVER = -1
"""A sample before all others."""
OVERLAP_MS = 2_000
"""How much of a window without a committed word is heard again: more than the longest word."""

LEAST_PROGRESS_MS = 1_000
"""A window that is too full for one decode is taken up again only this much later or more."""


class Step(Enum):
    """What a decode is to an utterance."""

    UPDATE = "update"
    """It goes on."""
    STRIDE = "stride"
    """It has ended and is too long for one window: a part of it."""
    FINAL = "final"
    """The rest of it."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the answer to a request changed."""

    growths: list[Growth]
    volatile: tuple[Word, ...]
    doubt: Doubt | None
    """Why the hypothesis was not believed."""


class Utterance:
    """Open from the first speech to the last word committed."""

    def __init__(
        self,
        start: int,
        session_id: str,
        language: str | None,
        policy: CommitPolicy,
        options: WindowOptions,
        *,
        languages: tuple[str, ...] = (),
    ) -> None:
        """`languages` is what detection may choose from where `language` is None; () for all."""
        self.start = start
        self.utterance_id = utterance_name(session_id, start)
        self.stopped_at: int | None = None
        """Set once VAD has heard the end; the next decode is then the last."""
        self.cut = False
        """Whether the end was forced in the middle of speech."""
        self.step = Step.UPDATE
        """What the last request was."""
        self.done = False
        self._session_id = session_id
        self._language = language
        self._languages = languages
        self._policy = policy
        self._options = options
        self._segments = SegmentBuilder(session_id, self.utterance_id)
        self._window_start = start
        self._prefix = ""
        self._has_words = False
        self._said_until: int | None = None
        """End of the last word that is committed or likely enough to be."""
        self._committed_until = start
        self._asked_until = start
        self._left_behind = ""
        """Committed text before the window, as far as it is context."""
        self._last_words: tuple[Word, ...] = ()
        self._sentence_until = _NEVER

    @property
    def needed_from(self) -> int:
        """Audio before this is of no more use to the utterance."""
        return self._window_start

    @property
    def committed_until(self) -> int:
        """End of the last committed word; the start of the utterance where there is none."""
        return self._committed_until

    @property
    def asked_until(self) -> int:
        """End of the last window asked about."""
        return self._asked_until

    @property
    def continued_from(self) -> int:
        """Where the utterance after a cut begins: its first word may lie across the cut."""
        return self._next_start()

    def continue_after(self, cut: Utterance) -> None:
        """Take over from an utterance that was cut, before the first decode."""
        self._continue_from(cut.continued_from, cut._last_words)

    def resume_at(self, sample: int, said: Said | None) -> None:
        """Go on where another replica stopped, before the first decode."""
        self._continue_from(sample, as_words(*said) if said else ())

    def take_up(self, held: tuple[HeldSegment, ...]) -> None:
        """Before the first decode: go on behind the segments of this utterance that are held."""
        last = held[-1].segment
        self.utterance_id = last.utterance_id
        self._has_words = True
        self._language = self._language or last.language
        self._committed_until = max(self._committed_until, last.end)
        self._prefix = "".join(word_joint(last.language) + one.segment.text for one in held)
        self._last_words = as_words(self._prefix, last.end)
        if self._committed_until - self._window_start > to_samples(self._options.max_window_ms):
            self._move_window(self._committed_until)
        self._segments = SegmentBuilder(self._session_id, self.utterance_id)
        if not held[-1].closed:
            self._segments.reopen(last)

    @property
    def said(self) -> str:
        """The newest of what is committed; all of it that is context for the next utterance."""
        return self._left_behind + self._prefix

    @property
    def language(self) -> str | None:
        """None until something is committed, where it is to be detected."""
        return self._language

    def ends_sentence_at(self, sample: int) -> bool:
        """Whether what is heard up to a sample, committed or not, is a whole sentence."""
        return self._sentence_until >= sample

    @property
    def resting_from(self) -> int | None:
        """Where an utterance ends in which nothing new was said for a while; None while it goes on.

        Words that are not likely enough to be committed are nothing new.
        """
        # A word in the very beginning is what the utterance before left over: it would end this one
        # where it began, again and again.
        if self._said_until is None or self._said_until <= self.start:
            return None
        if self._asked_until - self._said_until < to_samples(self._options.max_rest_ms):
            return None
        return self._said_until + to_samples(_REST_PAD_MS)

    @property
    def uncommitted_from(self) -> int:
        """Start of what no closed segment covers yet."""
        growing = self._segments.open
        return self._committed_until if growing is None else growing.start

    @property
    def resumable_from(self) -> int:
        """Where to hear it again on another replica.

        The window begins there as it does here: one that began right behind a committed word would
        hear the end of that word, and take it for another.
        """
        return min(self._window_start, self.uncommitted_from)

    def next_request(
        self,
        speech_until: int,
        audio: SampleBuffer,
        hints: Hints = NO_HINTS,
        *,
        at_once: bool = False,
    ) -> AsrRequest | None:
        """The decode that is due now that speech was heard up to a sample, if one is.

        `at_once` makes an update due as soon as there is anything new, however little.
        """
        end = self._next_end(speech_until, at_once)
        if end is None:
            return None
        waiting = end - self._asked_until
        self._asked_until = end
        samples = audio.slice(min(self._window_start, end), end)
        return AsrRequest(
            samples=samples,
            language=self._language,
            prefix=self._prefix,
            context=hints.context + self._left_behind if self._options.context_characters else "",
            final=self.step is not Step.UPDATE,
            hotwords=hints.hotwords,
            usual_language=None if self._language else hints.usual_language,
            switch_probability=switch_probability(len(samples)),
            unheard_samples=max(0, waiting),
            languages=() if self._language else self._languages,
        )

    def receive(self, hypothesis: Hypothesis) -> Outcome:
        """Take the answer to the last request."""
        doubted = doubt(hypothesis, self._asked_until - self._window_start)
        words = () if doubted else self._on_session_clock(hypothesis.words)
        if not self._prefix:
            words = without_echo(words, self._last_words)
        text = self._prefix + "".join(word.text for word in words)
        is_sentence = not doubted and ends_sentence(text)
        self._sentence_until = self._asked_until if is_sentence else _NEVER
        likely = tuple(takewhile(self._is_likely, words))
        committed = self._decide(words, likely)
        growths = self._commit(committed, hypothesis.language)
        volatile = words[len(committed) :] if self.step is Step.UPDATE else ()
        self._note_what_was_said(likely, hypothesis.full)
        if hypothesis.full and self._has_got_on:
            # More is said in the window than one decode can tell: the rest has one of its own.
            self._move_window(self._committed_until)
        else:
            growths = self._after_step(growths)
        return Outcome(growths, volatile, doubted)

    def give_up(self) -> Outcome:
        """The last window is not heard, and not asked about again; what was committed stands."""
        if self.step is Step.UPDATE:
            self._move_window(self._asked_until)
            # What was said there is not known; the utterance does not rest because of it.
            self._committed_until = self._said_until = self._asked_until
            return Outcome([], (), None)
        return Outcome(self._after_step([]), (), None)

    def _continue_from(self, sample: int, last_words: tuple[Word, ...]) -> None:
        self._window_start = self._committed_until = self._asked_until = sample
        self._last_words = last_words

    def _next_end(self, speech_until: int, at_once: bool) -> int | None:
        if self.stopped_at is None:
            self.step = Step.UPDATE
            return speech_until if self._update_due(speech_until, at_once) else None
        reach = self._window_start + to_samples(self._options.max_window_ms)
        self.step = Step.STRIDE if reach < self.stopped_at else Step.FINAL
        return min(reach, self.stopped_at)

    def _decide(self, words: tuple[Word, ...], likely: tuple[Word, ...]) -> tuple[Word, ...]:
        if self.step is Step.UPDATE:
            return self._policy.update(likely, self._asked_until).committed
        if self.step is Step.FINAL and not self.cut:
            return words
        return self._clear_of_the_edge(likely)

    @property
    def _has_got_on(self) -> bool:
        """Whether enough of the window is committed to go on behind it."""
        least = to_samples(LEAST_PROGRESS_MS)
        return self._committed_until - self._window_start >= least

    def _note_what_was_said(self, likely: tuple[Word, ...], full: bool) -> None:
        if likely and full:
            # What there was no room for was said as well.
            self._said_until = self._asked_until
        elif likely:
            self._said_until = likely[-1].end_samples
        else:
            self._said_until = self._committed_until if self._has_words else None

    def _after_step(self, growths: list[Growth]) -> list[Growth]:
        match self.step:
            case Step.UPDATE:
                self._let_go_of_wordless_audio()
                return growths
            case Step.STRIDE:
                self._move_window(self._next_start())
                return growths
            case Step.FINAL:
                self.done = True
                return self._closed(growths)

    def _let_go_of_wordless_audio(self) -> None:
        longest = to_samples(self._options.max_wordless_ms)
        if self._said_until is None and self._asked_until - self._window_start > longest:
            self._window_start = self._committed_until = self._next_start()

    def _next_start(self) -> int:
        """After an edge that is no pause: the word that it went through is heard again."""
        return max(self._committed_until, self._asked_until - to_samples(OVERLAP_MS))

    def _commit(self, words: tuple[Word, ...], language: str) -> list[Growth]:
        if not words:
            return []
        self._has_words = True
        self._language = self._language or language
        self._prefix += "".join(word.text for word in words)
        self._committed_until = words[-1].end_samples
        self._last_words = (*self._last_words, *words)[-MAX_REPEATED_WORDS:]
        if self._asked_until - self._window_start > to_samples(self._options.max_window_ms):
            self._move_window(self._committed_until)
        return self._segments.add(words, self._language)

    def _move_window(self, start: int) -> None:
        left_behind = self._left_behind + self._prefix
        self._left_behind = newest(left_behind, self._options.context_characters)
        self._window_start, self._prefix = start, ""

    def _closed(self, growths: list[Growth]) -> list[Growth]:
        """The same growths with the segment that is still open closed by the last of them."""
        last = self._segments.close()
        if last is None:
            return growths
        if growths:
            return [*growths[:-1], replace(growths[-1], closed=True)]
        return [last]

    def _is_likely(self, word: Word) -> bool:
        waited = self._asked_until - word.end_samples >= to_samples(self._options.max_wait_ms)
        return waited or word.probability >= self._options.min_probability

    def _clear_of_the_edge(self, words: tuple[Word, ...]) -> tuple[Word, ...]:
        limit = self._asked_until - to_samples(self._options.edge_guard_ms)
        return tuple(takewhile(lambda word: word.end_samples <= limit, words))

    def _update_due(self, end: int, at_once: bool) -> bool:
        long_enough = end - self._window_start >= to_samples(self._options.min_window_ms)
        is_first = self._asked_until == self._window_start
        least = 1 if at_once or is_first else to_samples(self._options.update_interval_ms)
        return long_enough and end - self._asked_until >= least

    def _on_session_clock(self, words: tuple[Word, ...]) -> tuple[Word, ...]:
        """Times made absolute, inside the window and never running backwards.

        Alignment may give a word no time at all; here each has a sample of its own, because its
        segment is known by where it starts.
        """
        placed: list[Word] = []
        floor = self._committed_until
        for word in words:
            start = max(floor, min(self._window_start + word.start_samples, self._asked_until - 1))
            end = max(start + 1, min(self._window_start + word.end_samples, self._asked_until))
            attended = self._attended(word)
            placed.append(
                replace(word, start_samples=start, end_samples=end, attended_samples=attended)
            )
            floor = end
        return tuple(placed)

    def _attended(self, word: Word) -> int | None:
        if word.attended_samples is None:
            return None
        return self._window_start + word.attended_samples
