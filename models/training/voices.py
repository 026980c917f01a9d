"""The one table of synthetic speakers: which are trained on and which only ever measured with.

Variant names are files of espeak-ng 1.51's `voices/!v`; the whispering, croaking and robot
ones are left out because people do not understand them either.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

ESPEAK_LANGUAGES: dict[str, tuple[str, ...]] = {
    "en": ("en-us", "en", "en-us", "en-gb-x-rp", "en-gb-scotland", "en-us-nyc"),
    "de": ("de",),
    "es": ("es", "es-419"),
}
TRAINING_VARIANTS: tuple[str, ...] = (
    "", "m1", "m2", "m3", "m4", "m6", "m7", "m8", "f1", "f2", "f3", "f5", "adam", "Alex",
    "Andrea", "Andy", "Annie", "anika", "antonio", "belinda", "benjamin", "david", "Denis", "ed",
    "edward", "Gene", "gustave", "Hugo", "john", "Lee", "linda", "marcelo", "Marco", "max",
    "Michael", "michel", "Mike", "norbert", "pablo", "paul", "pedro", "quincy", "rob", "sandro",
    "shelby", "steph", "travis", "victor", "zac",
)  # fmt: skip
TRAINING_RATES_WPM = (120, 205)
TRAINING_PITCHES = (28, 72)
TRAINING_PITCH_RANGES = (25, 80)
FLITE_VOICES: tuple[str, ...] = ("slt", "rms", "kal16", "kal", "awb")
FLITE_RATES_WPM = (135, 190)
FLITE_SHARE_OF_ENGLISH = 0.25


@dataclass(frozen=True, slots=True)
class Voice:
    """A speaker. rate_wpm, pitch and pitch_range are espeak's units; flite knows no pitch."""

    engine: str
    name: str
    rate_wpm: int = 160
    pitch: int = 50
    pitch_range: int = 50

    @property
    def label(self) -> str:
        """Short name for tables."""
        return f"{self.engine}:{self.name}@{self.rate_wpm}/{self.pitch}/{self.pitch_range}"


# None of these variants is in TRAINING_VARIANTS.
HELD_OUT_VOICES: dict[str, tuple[Voice, ...]] = {
    "en": (
        Voice("espeak", "en-us+f4", 163, 54, 46),
        Voice("espeak", "en+robert", 151, 47, 57),
        Voice("espeak", "en-us+m5", 177, 43, 61),
    ),
    "de": (
        Voice("espeak", "de+f4", 158, 53, 44),
        Voice("espeak", "de+robert", 149, 46, 58),
        Voice("espeak", "de+m5", 174, 44, 62),
    ),
    "es": (
        Voice("espeak", "es+f4", 161, 55, 45),
        Voice("espeak", "es-419+robert", 152, 48, 56),
        Voice("espeak", "es+m5", 176, 42, 60),
    ),
}


def training_voice(language: str, rng: random.Random) -> Voice:
    """Draw a speaker for `language` from the training part of the table."""
    if language == "en" and rng.random() < FLITE_SHARE_OF_ENGLISH:
        return Voice("flite", rng.choice(FLITE_VOICES), rng.randint(*FLITE_RATES_WPM))
    base = rng.choice(ESPEAK_LANGUAGES[language])
    variant = rng.choice(TRAINING_VARIANTS)
    return Voice(
        "espeak",
        f"{base}+{variant}" if variant else base,
        rng.randint(*TRAINING_RATES_WPM),
        rng.randint(*TRAINING_PITCHES),
        rng.randint(*TRAINING_PITCH_RANGES),
    )
