"""All sentence patterns, compiled against the lexicon."""

from __future__ import annotations

from models.phrasebook.lexicon import LEXICON
from models.phrasebook.patterns import directions, doctor, meeting, shop, small_talk, travel
from models.phrasebook.templates import Pattern, compile_patterns

_TOPICS = {
    "travel": travel.TABLE,
    "shop": shop.TABLE,
    "meeting": meeting.TABLE,
    "doctor": doctor.TABLE,
    "directions": directions.TABLE,
    "small_talk": small_talk.TABLE,
}

PATTERNS: tuple[Pattern, ...] = tuple(
    pattern
    for topic, table in _TOPICS.items()
    for pattern in compile_patterns(topic, table, LEXICON)
)
