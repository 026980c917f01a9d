"""What a session is opened with."""

from __future__ import annotations

from dataclasses import dataclass, field

from serve_app.session.append import MtMode
from serve_app.session.policies import PolicyOptions
from serve_app.session.segmenter import SegmenterOptions
from serve_app.session.translations import Glossary
from serve_app.session.window import WindowOptions


@dataclass(frozen=True, slots=True)
class SessionOptions:
    """What a session is opened with."""

    source: str | None = None
    """Spoken language, or None to detect it for each utterance."""
    languages: tuple[str, ...] = ()
    """What detection may choose from where `source` is None; empty for all that are served."""
    targets: tuple[str, ...] = ()
    hotwords: str = ""
    """Names and terms that are likely to be said."""
    partials: bool = True
    """Whether volatile tails are sent."""
    mt_mode: MtMode = "final"
    """What of a translation is told while its segment is spoken; see append.py."""
    glossary: Glossary = field(default_factory=dict)
    policy: PolicyOptions = field(default_factory=PolicyOptions)
    segmenter: SegmenterOptions = field(default_factory=SegmenterOptions)
    window: WindowOptions = field(default_factory=WindowOptions)
    vad_block_frames: int = 8
    """Frames a VAD call takes: 256 ms, a compromise between calls a second and delay."""
    max_backlog_ms: int = 30_000
    """Audio that may wait for the stages before the reader must pause."""
    max_untranslated: int = 64
    """Segments that may wait for MT before the reader must pause; a live speaker is never so far
    ahead, a file that is uploaded faster than it was spoken is."""
    ack_step_ms: int = 1_000
    """In silence, acknowledge at this pace."""
