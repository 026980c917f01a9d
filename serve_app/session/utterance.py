"""One utterance: which window to decode next, and what its hypotheses commit."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from itertools import takewhile

from deployments.languages import word_joint
from deployments.types import AsrRequest, Hypothesis, Word
from serve_app.session.audio import SampleBuffer, to_samples
from serve_app.session.commit import CommitPolicy, Decision
from serve_app.session.gates import Doubt, doubt
from serve_app.session.resume import HeldSegment, utterance_name
from serve_app.session.segments import Growth, SegmentBuilder


@dataclass(frozen=True, slots=True)
class WindowOptions:
    """How often and how much of an utterance is decoded."""

    update_interval_ms: int = 256
    """New audio between two decodes of the same utterance."""
    min_window_ms: int = 400
    """Less audio than this is not worth a first decode."""
    max_window_ms: int = 10_000
    """Beyond this the window lets go of audio whose words are committed."""
    edge_guard_ms: int = 160
    """A word that ends this close to the last audio heard may be half a word, and waits."""
    min_probability: float = 0.5
    """While more audio is to come, a word less likely than this waits, and so do those after it."""
    max_rest_ms: int = 800
    """An utterance is over when its last word was this long ago, although VAD still hears speech:
    people in the background. Kaldi's endpoint rules do likewise with the decoder's silence
    (https://kaldi-asr.org/doc/structkaldi_1_1OnlineEndpointConfig.html)."""
    max_wordless_ms: int = 4_000
    """A window in which no word was found lets go of its oldest audio when it gets longer."""


_REST_PAD_MS = 160
OVERLAP_MS = 2_000
"""How much of a window without a committed word is heard again: more than the longest word."""


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
    ) -> None:
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
        self._policy = policy
        self._options = options
        self._segments = SegmentBuilder(session_id, self.utterance_id)
        self._window_start = start
        self._prefix = ""
        self._wordless = True
        self._tail_is_sure = False
        self._committed_until = start
        self._asked_until = start

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

    def continue_from(self, sample: int) -> None:
        """Take over from an utterance that was cut, before the first decode."""
        self._window_start = self._committed_until = self._asked_until = sample

    def take_up(self, held: tuple[HeldSegment, ...]) -> None:
        """Before the first decode: go on behind the segments of this utterance that are held."""
        last = held[-1].segment
        self._wordless = False
        self.utterance_id = last.utterance_id
        self._language = self._language or last.language
        self._committed_until = max(self._committed_until, last.end)
        if self._committed_until - self._window_start > to_samples(self._options.max_window_ms):
            self._window_start = self._committed_until
        else:
            self._prefix = "".join(word_joint(last.language) + one.segment.text for one in held)
        self._segments = SegmentBuilder(self._session_id, self.utterance_id)
        if not held[-1].closed:
            self._segments.reopen(last)

    @property
    def language(self) -> str | None:
        """As given, or as heard; None before either."""
        return self._language

    @property
    def resting_from(self) -> int | None:
        """Where an utterance ends in which nothing new was said for a while; None while it goes on.

        Words that are not likely enough to be committed are nothing new.
        """
        silent = self._asked_until - self._committed_until
        if self._wordless or self._tail_is_sure or silent < to_samples(self._options.max_rest_ms):
            return None
        return self._committed_until + to_samples(_REST_PAD_MS)

    @property
    def uncommitted_from(self) -> int:
        """Start of what no closed segment covers yet."""
        growing = self._segments.open
        return self._committed_until if growing is None else growing.start

    def next_request(self, speech_until: int, audio: SampleBuffer) -> AsrRequest | None:
        """The decode that is due now that speech was heard up to a sample, if one is."""
        end = self._next_end(speech_until)
        if end is None:
            return None
        self._asked_until = end
        return AsrRequest(
            samples=audio.slice(min(self._window_start, end), end),
            language=self._language,
            prefix=self._prefix,
            final=self.step is not Step.UPDATE,
        )

    def receive(self, hypothesis: Hypothesis) -> Outcome:
        """Take the answer to the last request."""
        doubted = doubt(hypothesis, self._asked_until - self._window_start)
        words = () if doubted else self._on_session_clock(hypothesis.words)
        decision = self._decide(words)
        growths = self._commit(decision.committed, hypothesis.language)
        volatile = words[len(decision.committed) :] if self.step is Step.UPDATE else ()
        self._tail_is_sure = bool(decision.volatile)
        return Outcome(self._after_step(growths), volatile, doubted)

    def give_up(self) -> Outcome:
        """No answer came to the last request; what was committed stands."""
        return Outcome(self._after_step([]), (), None)

    def _next_end(self, speech_until: int) -> int | None:
        if self.stopped_at is None:
            self.step = Step.UPDATE
            return speech_until if self._update_due(speech_until) else None
        reach = self._window_start + to_samples(self._options.max_window_ms)
        self.step = Step.STRIDE if reach < self.stopped_at else Step.FINAL
        return min(reach, self.stopped_at)

    def _decide(self, words: tuple[Word, ...]) -> Decision:
        if self.step is Step.FINAL and not self.cut:
            return Decision(committed=words, volatile=())
        sure = self._sure(words)
        if self.step is Step.UPDATE:
            return self._policy.update(sure, self._asked_until)
        return Decision(committed=self._clear_of_the_edge(sure), volatile=())

    def _after_step(self, growths: list[Growth]) -> list[Growth]:
        match self.step:
            case Step.UPDATE:
                self._let_go_of_wordless_audio()
                return growths
            case Step.STRIDE:
                self._window_start, self._prefix = self._next_start(), ""
                return growths
            case Step.FINAL:
                self.done = True
                return self._closed(growths)

    def _let_go_of_wordless_audio(self) -> None:
        has_words = not self._wordless or self._tail_is_sure
        longest = to_samples(self._options.max_wordless_ms)
        if not has_words and self._asked_until - self._window_start > longest:
            self._window_start = self._committed_until = self._next_start()

    def _next_start(self) -> int:
        """After an edge that is no pause: the word that it went through is heard again."""
        return max(self._committed_until, self._asked_until - to_samples(OVERLAP_MS))

    def _commit(self, words: tuple[Word, ...], language: str) -> list[Growth]:
        if not words:
            return []
        self._wordless = False
        self._language = self._language or language
        self._prefix += "".join(word.text for word in words)
        self._committed_until = words[-1].end_samples
        if self._asked_until - self._window_start > to_samples(self._options.max_window_ms):
            self._window_start, self._prefix = self._committed_until, ""
        return self._segments.add(words, self._language)

    def _closed(self, growths: list[Growth]) -> list[Growth]:
        """The same growths with the segment that is still open closed by the last of them."""
        last = self._segments.close()
        if last is None:
            return growths
        if growths:
            return [*growths[:-1], replace(growths[-1], closed=True)]
        return [last]

    def _sure(self, words: tuple[Word, ...]) -> tuple[Word, ...]:
        least = self._options.min_probability
        return tuple(takewhile(lambda word: word.probability >= least, words))

    def _clear_of_the_edge(self, words: tuple[Word, ...]) -> tuple[Word, ...]:
        limit = self._asked_until - to_samples(self._options.edge_guard_ms)
        return tuple(takewhile(lambda word: word.end_samples <= limit, words))

    def _update_due(self, end: int) -> bool:
        long_enough = end - self._window_start >= to_samples(self._options.min_window_ms)
        return long_enough and end - self._asked_until >= to_samples(
            self._options.update_interval_ms
        )

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
            placed.append(replace(word, start_samples=start, end_samples=end))
            floor = end
        return tuple(placed)
