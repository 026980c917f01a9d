"""What a session remembers of where it may be taken up again."""

from __future__ import annotations

from serve_app.session.bookmark import Bookmark
from serve_app.session.memory import Memory
from serve_app.session.resume import ResumePoint
from serve_app.session.segments import Segment

SECOND = 16_000


def test_a_place_is_remembered_only_while_it_may_be_gone_back_to() -> None:
    bookmark = Bookmark(ResumePoint.beginning(("de",)))
    memory = Memory(0, "")
    segments = [
        Segment(f"s.{i * SECOND}", "s.u0", "en", "Yes.", i * SECOND, i * SECOND + 8_000)
        for i in range(100)
    ]
    remembered = []
    for number, segment in enumerate(segments):
        bookmark.note_closed(segment, segment.start)
        oldest = segments[max(0, number - 10)]
        bookmark.move(segment.end, oldest, None, memory, audio_end=None, least_gain=1)
        assert bookmark.point.exact == oldest.start
        remembered.append(len(bookmark._places))
    assert max(remembered) == 11
    bookmark.move(100 * SECOND, None, None, memory, audio_end=None, least_gain=1)
    assert not bookmark._places
