"""What a viewer should see of a session, computed from its events. Knows no terminal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from serve_app.client.notices import Reconnected, Reconnecting
from serve_app.session import events as ev


@dataclass(frozen=True, slots=True)
class Line:
    """One segment and its translations."""

    segment_id: str
    start_ms: int
    language: str
    text: str = ""
    """Committed so far."""
    closed: bool = False
    translations: Mapping[str, str] = field(default_factory=dict)
    """Committed so far, by target language."""
    translated: frozenset[str] = frozenset()
    """Target languages whose translation is complete."""
    tails: Mapping[str, str] = field(default_factory=dict)
    """Ends of translations that may still change, by target language."""


@dataclass(frozen=True, slots=True)
class View:
    """Everything to show, oldest first."""

    targets: tuple[str, ...] = ()
    lines: tuple[Line, ...] = ()
    volatile: str = ""
    """Tail of the current utterance that may still change."""
    notices: tuple[str, ...] = ()
    """Warnings and errors, to be shown once."""
    over: bool = False
    """Nothing more will come."""


def after(view: View, event: ev.Event) -> View:
    """The view once the event is known."""
    match event:
        case ev.TranscriptPartial():
            return replace(view, volatile=event.text)
        case ev.TranscriptCommitted():
            return replace(view, lines=_committed(view.lines, event))
        case ev.TranslationPartial() | ev.TranslationCommitted():
            return replace(view, lines=_translated(view.lines, event))
        case ev.SessionClosed():
            return replace(view, volatile="", over=True)
        case _ if notice := notice_of(event):
            return replace(view, notices=(*view.notices, notice))
        case _:
            return view


def notice_of(event: ev.Event) -> str:
    """What to say once about an event; empty for one that needs no words."""
    match event:
        case ev.Warning() | ev.Error():
            return f"{event.type}: {event.message} ({event.code})"
        case Reconnecting(attempt=1):
            return f"connection lost ({event.why}); connecting to {event.url}"
        case Reconnected():
            return f"connected to {event.url}; going on at {time_label(event.acked_ms)}"
        case _:
            return ""


def taken(view: View) -> tuple[tuple[Line, ...], View]:
    """The leading lines that will not change any more, and the view without them."""
    count = 0
    while count < len(view.lines) and (view.over or _complete(view, count)):
        count += 1
    return view.lines[:count], replace(view, lines=view.lines[count:])


def time_label(ms: int) -> str:
    """A place in the audio, as `01:23.4`."""
    minutes, rest_ms = divmod(ms, 60_000)
    return f"{minutes:02d}:{rest_ms // 1000:02d}.{rest_ms % 1000 // 100}"


def line_of(view: View, segment_id: str) -> Line | None:
    """The segment, while it is in the view."""
    return next((line for line in view.lines if line.segment_id == segment_id), None)


def _complete(view: View, index: int) -> bool:
    # Translations come in order: one that is missing while a later one is there failed.
    line, later = view.lines[index], view.lines[index + 1 :]
    return line.closed and all(
        target in line.translated or any(target in after.translations for after in later)
        for target in view.targets
    )


def _committed(lines: tuple[Line, ...], event: ev.TranscriptCommitted) -> tuple[Line, ...]:
    if all(line.segment_id != event.segment_id for line in lines):
        lines = (*lines, Line(event.segment_id, event.start_ms, event.language))
    return tuple(
        replace(line, text=line.text + event.text, closed=event.closed, language=event.language)
        if line.segment_id == event.segment_id
        else line
        for line in lines
    )


def _translated(
    lines: tuple[Line, ...], event: ev.TranslationPartial | ev.TranslationCommitted
) -> tuple[Line, ...]:
    return tuple(
        _with_translation(line, event) if line.segment_id == event.segment_id else line
        for line in lines
    )


def _with_translation(line: Line, event: ev.TranslationPartial | ev.TranslationCommitted) -> Line:
    match event:
        case ev.TranslationPartial():
            return _with_tail(line, event)
        case ev.TranslationCommitted():
            return _with_piece(line, event)


def _with_tail(line: Line, event: ev.TranslationPartial) -> Line:
    return replace(line, tails={**line.tails, event.target: event.text})


def _with_piece(line: Line, event: ev.TranslationCommitted) -> Line:
    text = line.translations.get(event.target, "") + event.text
    complete = frozenset({event.target}) if event.closed else frozenset()
    return replace(
        line,
        translations={**line.translations, event.target: text},
        translated=line.translated | complete,
    )
