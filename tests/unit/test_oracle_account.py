"""The account is exact for what went well, and names each word that did not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import pytest

from deployments.engines.oracle import translated
from deployments.engines.oracle_audio import WordId
from serve_app.session import events as ev
from serve_app.session.audio import to_ms
from tests.support.oracle import (
    EXACT,
    MAX_TALK_MS,
    Account,
    OracleStream,
    account_transcript,
    account_translation,
    speak,
)

STREAM = speak(7, 6, seed=1)
OTHER = speak(8, 6, seed=1)
PER_SEGMENT = 2


def ids(*indices: int) -> tuple[WordId, ...]:
    return tuple(WordId(STREAM.session, index) for index in indices)


def committed(stream: OracleStream, indices: Sequence[int], segment: str) -> ev.TranscriptCommitted:
    words = [stream.words[index] for index in indices]
    start, end = to_ms(words[0].start_samples), to_ms(words[-1].end_samples)
    timed = tuple(
        ev.TimedWord(w.text, to_ms(w.start_samples), to_ms(w.end_samples), 0.9) for w in words
    )
    text = " ".join(word.text for word in words)
    return ev.TranscriptCommitted(segment, "u", text, start, end, "en", closed=True, words=timed)


def perfect(stream: OracleStream) -> list[ev.Event]:
    """Segments of two words, each followed by its translation."""
    told: list[ev.Event] = [ev.SessionCreated("s", {})]
    for first in range(0, len(stream.words), PER_SEGMENT):
        said = committed(stream, range(first, first + PER_SEGMENT), f"s{stream.session}.{first}")
        text = translated(said.text, "de")
        told += [said, ev.TranslationCommitted(said.segment_id, "de", text), ev.Ack(said.end_ms)]
    return told


def accounts(told: Sequence[ev.Event]) -> tuple[Account, Account]:
    """Of the transcript and of the translation; the same for events and for their JSON."""
    wire = [ev.to_wire(number, event) for number, event in enumerate(told)]
    both = account_transcript(told, STREAM), account_translation(told, STREAM, "de")
    assert both == (account_transcript(wire, STREAM), account_translation(wire, STREAM, "de"))
    return both


def test_nothing_is_wrong_where_all_went_well() -> None:
    assert accounts(perfect(STREAM)) == (EXACT, EXACT)
    growing = [committed(STREAM, [0, 1], "a"), committed(STREAM, [2, 3, 4], "b")]
    rest = replace(committed(STREAM, [5], "b"), text=" " + STREAM.words[5].text)
    assert account_transcript([*growing, rest], STREAM) == EXACT


def test_lost_words_are_named() -> None:
    told = perfect(STREAM)
    del told[4:7]
    assert accounts(told) == (Account(lost=ids(2, 3)), Account(lost=ids(2, 3)))
    assert accounts([])[0] == Account(lost=ids(0, 1, 2, 3, 4, 5))


def test_doubled_words_are_named() -> None:
    told = perfect(STREAM)
    told += told[4:7]
    twice = Account(doubled=ids(2, 3))
    assert accounts(told) == (twice, twice)


def test_reordered_words_are_named() -> None:
    told = perfect(STREAM)
    told = [*told[:1], *told[4:7], *told[1:4], *told[7:]]
    late = Account(reordered=ids(0, 1))
    assert accounts(told) == (late, late)


def test_events_of_another_session_are_a_leak() -> None:
    told = perfect(STREAM) + perfect(OTHER)[4:6]
    leaked = Account(leaked=(WordId(8, 2), WordId(8, 3)))
    assert accounts(told) == (leaked, leaked)


def test_swapped_sessions_are_a_leak_and_a_loss() -> None:
    everything = tuple(word.word for word in OTHER.words)
    swapped = Account(lost=ids(0, 1, 2, 3, 4, 5), leaked=everything)
    assert accounts(perfect(OTHER)) == (swapped, swapped)


def test_text_that_is_no_word_is_garbled() -> None:
    told = [replace(committed(STREAM, range(6), "s"), text="hm?")]
    assert account_transcript(told, STREAM) == Account(lost=ids(0, 1, 2, 3, 4, 5), garbled=("hm?",))
    beyond = WordId(STREAM.session, 6).text
    assert account_transcript([replace(told[0], text=beyond)], STREAM).garbled == (beyond,)


def test_untranslated_text_is_garbled() -> None:
    told = perfect(STREAM)
    said = told[1]
    assert isinstance(said, ev.TranscriptCommitted)
    told[2] = ev.TranslationCommitted(said.segment_id, "de", said.text)
    account = accounts(told)[1]
    assert account.lost == ids(0, 1)
    assert len(account.garbled) == 2


def test_wrong_times_are_named() -> None:
    told = perfect(STREAM)
    said = told[1]
    assert isinstance(said, ev.TranscriptCommitted)
    late = replace(said.words[0], end_ms=said.words[0].end_ms + 1)
    told[1] = replace(said, words=(late, *said.words[1:]))
    assert accounts(told) == (Account(mistimed=ids(0)), EXACT)


def test_a_translation_under_another_segment_is_misplaced() -> None:
    told = perfect(STREAM)
    first, last = told[2], told[8]
    assert isinstance(first, ev.TranslationCommitted)
    assert isinstance(last, ev.TranslationCommitted)
    told[2] = replace(first, segment_id=last.segment_id)
    assert accounts(told) == (EXACT, Account(misplaced=ids(0, 1)))


@pytest.mark.parametrize("session", range(3))
def test_a_stream_is_the_same_whole_and_in_pieces(session: int) -> None:
    stream = speak(session, 12, seed=4)
    assert b"".join(stream.pieces(997)) == stream.pcm()
    assert len(stream.pcm()) == 2 * stream.length_samples
    assert stream == speak(session, 12, seed=4)
    assert stream.words != speak(session, 12, seed=5).words


def test_nobody_talks_for_longer_than_an_utterance_may_last() -> None:
    words = speak(0, 2_000).words
    pauses = [
        a.end_samples for a, b in pairwise(words) if b.start_samples - a.end_samples >= 16_000
    ]
    gaps_ms = [to_ms(b - a) for a, b in pairwise(pauses)]
    assert max(gaps_ms) < MAX_TALK_MS + 4_000
