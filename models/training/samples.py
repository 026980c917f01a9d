"""The sample speech in `samples/`: chosen held-out sentences by speakers that nobody trained on.

Run as `python -m models.training.samples`; the same sentences, voices and seed give the same
sound. Needs espeak-ng.
"""

from __future__ import annotations

import argparse
import json
import random
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from models import phrasebook
from models.training.speech import SAMPLE_RATE_HZ, Synthesiser
from models.training.voices import HELD_OUT_VOICES, Voice

SEED = 20
PAUSES_S = (0.7, 1.5)
LEAD_S, TRAIL_S = 0.6, 1.2
LEVEL = 0.6
"""Of the synthesiser's peaks."""
ROOM_NOISE = 3e-4
"""Standard deviation of what is heard in pauses, full scale being 1."""
BIT_RATE = 48_000
FRAME_SAMPLES = SAMPLE_RATE_HZ // 50
OGG_SERIAL = 1
TRIES = 200_000

# English text of each sentence by its pattern, per spoken language.
CHOSEN: dict[str, dict[str, str]] = {
    "en": {
        "travel.flight_lands": "Our flight to Zurich lands at half past four.",
        "travel.missed_line": "We missed the ferry because Sofia was late.",
        "travel.left_on_line": "I've left my backpack on the bus.",
        "travel.ticket_to_city": "I'd like a ticket to Barcelona for Sunday, please.",
        "travel.change_in_city": "Do I have to change trains in Cologne?",
        "travel.platform": "Which platform does the train to Frankfurt leave from?",
        "travel.line_leaves": "The train to Geneva leaves at five o'clock.",
        "directions.how_to_get_from": "How do I get from the library to the theatre?",
        "directions.straight_on": "Go straight on to the square, then you'll see the airport.",
        "travel.room_nights": "I'd like a room with a desk for three nights.",
        "travel.room_floor": "Your room is on the fifth floor, next to the entrance.",
        "small_talk.weather_tomorrow": "It will be hot in Copenhagen tomorrow.",
        "small_talk.hope_comes": "I hope that Paula comes on Friday.",
        "small_talk.invite_hobby": "Would you like to play tennis with us on Friday?",
    },
    "de": {
        "doctor.appointment": "I have an appointment with the dentist at half past eleven.",
        "doctor.part_hurts": "My knee has been hurting for seven weeks.",
        "doctor.hurts_when": "My back hurts when I cough.",
        "doctor.have_illness": "I've had a cough for nine days.",
        "doctor.allergic_me": "I'm allergic to penicillin and peanuts.",
        "doctor.doctor_says": "The doctor says that I have to stop smoking.",
        "doctor.remedy_before": "Should I take the tablets after breakfast?",
        "doctor.need_medical": "I need a prescription for my brother.",
        "doctor.come_back": "Please come back in two weeks.",
        "meeting.affair_starts": "The presentation starts at half past two.",
        "meeting.affair_moved": "The seminar has been moved to Thursday.",
        "meeting.affair_length": "How long is the course on Friday?",
        "meeting.already_task": "The boss has already compared the prices.",
        "meeting.cannot_come": "I can't come today because I have to change the password.",
    },
    "es": {
        "shop.table_for": "I've booked a table for four people at half past eight.",
        "shop.bring_thing": "Could you bring us the menu and a glass of orange juice, please?",
        "shop.recommend_dish": "The waiter recommends the omelette with potatoes.",
        "shop.order_dish": "I'd like the fish without mustard, please.",
        "shop.hot_drink": "A cup of milk with honey, please.",
        "shop.altogether": "That's eight euros eighty altogether.",
        "shop.try_on": "Can I try on this white blouse?",
        "shop.like_but": "I like the jacket, but it's too big.",
        "shop.exchange": "I'd like to exchange this belt because it's too long.",
        "shop.garment_price": "How much is this dark scarf?",
        "small_talk.learning": "I've been learning Spanish for three years.",
        "small_talk.born_in": "My daughter was born in Lisbon in June.",
        "small_talk.comes_from": "Paula comes from Italy but lives in Zurich.",
        "small_talk.do_you_know": "Do you know the most famous castle in Athens?",
    },
}


@dataclass(frozen=True, slots=True)
class Spoken:
    """A sentence in its place in the file."""

    start_samples: int
    end_samples: int
    voice: Voice
    sentence: phrasebook.Sentence


def held_out_sentence(pattern: str, english: str) -> phrasebook.Sentence:
    """The parallel sentence whose English text this is; ValueError if it may be trained on."""
    rng = random.Random(f"samples {pattern}")
    for _ in range(TRIES):
        sentence = phrasebook.sample_pattern(pattern, rng)
        if sentence.en == english:
            if not phrasebook.is_held_out(sentence):
                raise ValueError(f"{english!r} is not held out")
            return sentence
    raise ValueError(f"the pattern {pattern} does not make {english!r}")


def speak(language: str, synthesiser: Synthesiser) -> tuple[NDArray[np.int16], list[Spoken]]:
    """All sentences of a language in one recording, the speakers taking turns."""
    rng = np.random.default_rng([SEED, *language.encode()])
    voices = HELD_OUT_VOICES[language]
    pieces: list[NDArray[np.float32]] = [_silence(LEAD_S)]
    spoken: list[Spoken] = []
    at = len(pieces[0])
    for index, (pattern, english) in enumerate(CHOSEN[language].items()):
        sentence = held_out_sentence(pattern, english)
        voice = voices[index % len(voices)]
        audio = synthesiser.speak(sentence.text(language), language, voice).audio
        pause = _silence(float(rng.uniform(*PAUSES_S)))
        pieces += [(audio.astype(np.float32) / 32768 * LEVEL).astype(np.float32), pause]
        spoken.append(Spoken(at, at + len(audio), voice, sentence))
        at += len(audio) + len(pause)
    recording = np.concatenate([*pieces[:-1], _silence(TRAIL_S)])
    recording += rng.standard_normal(len(recording)).astype(np.float32) * np.float32(ROOM_NOISE)
    return np.asarray(np.clip(recording, -1, 1) * 32767, np.int16), spoken


def write_opus(path: Path, audio: NDArray[np.int16]) -> None:
    """Ogg Opus, the same bytes from the same samples."""
    options = {"fflags": "+bitexact", "serial_offset": str(OGG_SERIAL)}
    with av.open(str(path), "w", format="ogg", options=options) as container:
        stream = container.add_stream("libopus", rate=SAMPLE_RATE_HZ, layout="mono")
        stream.bit_rate = BIT_RATE
        stream.codec_context.options = {"application": "voip", "flags": "+bitexact"}
        for at in range(0, len(audio), FRAME_SAMPLES):
            frame = av.AudioFrame.from_ndarray(
                audio[None, at : at + FRAME_SAMPLES], format="s16", layout="mono"
            )
            frame.sample_rate, frame.pts = SAMPLE_RATE_HZ, at
            frame.time_base = Fraction(1, SAMPLE_RATE_HZ)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def describe(
    language: str, name: str, audio: NDArray[np.int16], spoken: list[Spoken]
) -> dict[str, object]:
    """The manifest's entry of one recording."""
    return {
        "file": name,
        "language": language,
        "duration_ms": _ms(len(audio)),
        "sentences": [
            {
                "start_ms": _ms(one.start_samples),
                "end_ms": _ms(one.end_samples),
                "voice": one.voice.label,
                "text": one.sentence.text(language),
                "translations": {
                    other: one.sentence.text(other)
                    for other in phrasebook.LANGUAGES
                    if other != language
                },
            }
            for one in spoken
        ],
    }


def make(directory: Path) -> None:
    """Write a recording per language and the manifest."""
    directory.mkdir(parents=True, exist_ok=True)
    synthesiser = Synthesiser()
    entries = []
    for language in CHOSEN:
        audio, spoken = speak(language, synthesiser)
        name = f"{language}.ogg"
        write_opus(directory / name, audio)
        entries.append(describe(language, name, audio, spoken))
    manifest = json.dumps({"seed": SEED, "samples": entries}, ensure_ascii=False, indent=1)
    (directory / "manifest.json").write_text(manifest + "\n", encoding="utf-8")


def _silence(length_s: float) -> NDArray[np.float32]:
    return np.zeros(int(length_s * SAMPLE_RATE_HZ), np.float32)


def _ms(samples: int) -> int:
    return samples * 1000 // SAMPLE_RATE_HZ


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("samples"), help="default: samples")
    make(parser.parse_args().out)
