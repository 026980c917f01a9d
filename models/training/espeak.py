"""espeak-ng in this process: waveforms with exact word and phoneme times, no process per sentence.

The library is driven synchronously through ctypes. Struct layout and enum values are those of
`speak_lib.h` in espeak-ng 1.51.
"""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

_SYNCHRONOUS = 2
_PHONEME_EVENTS = 0x0001
_DO_NOT_EXIT = 0x8000
_EVENT_WORD = 1
_EVENT_PHONEME = 7
_RATE, _PITCH, _PITCH_RANGE = 1, 3, 4
_CHARS_UTF8 = 1
_POSITION_CHARACTER = 1


class _Event(ctypes.Structure):
    _fields_: ClassVar[list[tuple[str, Any]]] = [
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position_ms", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("name", ctypes.c_char * 8),
    ]


_Callback = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event)
)


if TYPE_CHECKING:
    _Samples = ctypes._Pointer[ctypes.c_short]
    _Events = ctypes._Pointer[_Event]


@dataclass(frozen=True, slots=True)
class Speech:
    """One synthesised text.

    audio: int16 mono at `rate_hz`. words: (character offset in the text, start sample).
    phonemes: (espeak mnemonic, start sample); mnemonics starting with "_" or empty are pauses.
    """

    audio: NDArray[np.int16]
    rate_hz: int
    words: list[tuple[int, int]]
    phonemes: list[tuple[str, int]]


class Espeak:
    """The one espeak-ng engine of a process (the library keeps global state)."""

    def __init__(self, library: str = "libespeak-ng.so.1") -> None:
        self._lib = ctypes.CDLL(library)
        options = _PHONEME_EVENTS | _DO_NOT_EXIT
        self.rate_hz: int = self._lib.espeak_Initialize(_SYNCHRONOUS, 0, None, options)
        if self.rate_hz <= 0:
            raise RuntimeError(f"espeak_Initialize failed with {self.rate_hz}")
        self._pieces: list[NDArray[np.int16]] = []
        self._words: list[tuple[int, int]] = []
        self._phonemes: list[tuple[str, int]] = []
        self._callback = _Callback(self._collect)
        self._lib.espeak_SetSynthCallback(self._callback)

    def _collect(self, wav: _Samples, count: int, events: _Events) -> int:
        if wav and count > 0:
            self._pieces.append(np.ctypeslib.as_array(wav, shape=(count,)).copy())
        index = 0
        while events[index].type:
            event = events[index]
            if event.type == _EVENT_WORD:
                self._words.append((event.text_position - 1, event.sample))
            elif event.type == _EVENT_PHONEME:
                self._phonemes.append((event.name.decode("utf-8", "replace"), event.sample))
            index += 1
        return 0

    def say(self, text: str, voice: str, rate_wpm: int, pitch: int, pitch_range: int) -> Speech:
        """Synthesise `text`; pitch and pitch_range are espeak's 0..100 scales (default 50)."""
        if self._lib.espeak_SetVoiceByName(voice.encode()) != 0:
            raise ValueError(f"espeak-ng has no voice {voice!r}")
        for parameter, value in ((_RATE, rate_wpm), (_PITCH, pitch), (_PITCH_RANGE, pitch_range)):
            self._lib.espeak_SetParameter(parameter, value, 0)
        self._pieces, self._words, self._phonemes = [], [], []
        data = text.encode()
        status = self._lib.espeak_Synth(
            data, len(data) + 1, 0, _POSITION_CHARACTER, 0, _CHARS_UTF8, None, None
        )
        if status != 0:
            raise RuntimeError(f"espeak_Synth failed with {status}")
        self._lib.espeak_Synchronize()
        audio = np.concatenate(self._pieces) if self._pieces else np.zeros(0, np.int16)
        return Speech(audio, self.rate_hz, self._words, self._phonemes)
