"""Audio is kept until it is acknowledged, sent in order, and never too far ahead."""

import pytest

from serve_app.client.errors import KeptAudioFullError
from serve_app.client.kept import AHEAD_MS, PIECE_BYTES, SLOWED_MS, KeptAudio
from serve_app.client.pacing import BYTES_PER_MS


def spoken(length_ms: int) -> bytes:
    """Audio in which each millisecond is another."""
    return b"".join(ms.to_bytes(4, "little") * (BYTES_PER_MS // 4) for ms in range(length_ms))


def sent(kept: KeptAudio) -> bytes:
    return b"".join(iter(kept.next_piece, b""))


def test_what_comes_in_goes_out_once_and_in_order() -> None:
    kept, audio = KeptAudio(), spoken(5_000)
    out = b""
    for at in range(0, len(audio), 777):
        kept.add(audio[at : at + 777])
        out += kept.next_piece()
    assert out + sent(kept) == audio
    assert not kept.all_sent
    kept.ended = True
    assert kept.all_sent


def test_a_new_connection_is_sent_what_is_not_acknowledged() -> None:
    kept, audio = KeptAudio(), spoken(3_000)
    kept.add(audio)
    sent(kept)
    kept.forget_before(1_234)
    kept.rewind()
    assert sent(kept) == audio[1_234 * BYTES_PER_MS :]


def test_an_acknowledgement_of_what_is_forgotten_already_changes_nothing() -> None:
    kept, audio = KeptAudio(), spoken(100)
    kept.add(audio)
    kept.forget_before(60)
    kept.forget_before(40)
    kept.rewind()
    assert sent(kept) == audio[60 * BYTES_PER_MS :]


def test_more_than_its_bound_is_not_kept() -> None:
    kept = KeptAudio(limit_s=2)
    kept.add(spoken(2_000))
    with pytest.raises(KeptAudioFullError, match=r"2 s of audio wait .* since 0\.0 s"):
        kept.add(b"x")
    kept.forget_before(1)
    kept.add(b"x")


def test_audio_is_sent_so_far_ahead_and_no_further_until_it_is_acknowledged() -> None:
    kept = KeptAudio()
    kept.add(bytes((AHEAD_MS + 5_000) * BYTES_PER_MS))
    assert len(sent(kept)) == AHEAD_MS * BYTES_PER_MS
    kept.forget_before(3_000)
    assert len(sent(kept)) == 3_000 * BYTES_PER_MS


def test_a_server_that_is_behind_is_sent_nothing_until_it_has_caught_up() -> None:
    kept = KeptAudio()
    kept.add(bytes((AHEAD_MS + 60_000) * BYTES_PER_MS))
    sent(kept)
    kept.slow_down()
    behind_ms = AHEAD_MS - SLOWED_MS
    kept.forget_before(behind_ms - 1)
    assert sent(kept) == b""
    kept.forget_before(behind_ms)
    assert len(kept.next_piece()) == PIECE_BYTES


def test_the_next_connection_is_not_the_one_that_was_behind() -> None:
    kept = KeptAudio()
    kept.add(bytes(AHEAD_MS * BYTES_PER_MS))
    kept.slow_down()
    kept.rewind()
    assert len(sent(kept)) == AHEAD_MS * BYTES_PER_MS
