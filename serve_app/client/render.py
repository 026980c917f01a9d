"""A session on the terminal: live where there is one, plain lines where there is none."""

from __future__ import annotations

import sys
from collections.abc import AsyncGenerator, Iterator
from contextlib import ExitStack, aclosing, contextmanager
from dataclasses import replace
from typing import Protocol

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.text import Text

from serve_app.client.view import Line, View, after, line_of, notice_of, taken, time_label
from serve_app.client.wire import Received
from serve_app.session import events as ev

REFRESH_HZ = 12
INDENT = " " * 8


class Display(Protocol):
    """Somewhere to show events."""

    def show(self, received: Received) -> None:
        """Show what the event changes."""
        ...

    def end(self) -> None:
        """Nothing more comes: show what is committed and was still held back."""
        ...


class JsonDisplay:
    """The events as the server sent them, one a line."""

    def show(self, received: Received) -> None:
        """Print and flush: whoever reads the pipe wants it now."""
        sys.stdout.write(received.line + "\n")
        sys.stdout.flush()

    def end(self) -> None:
        """Nothing was held back."""


class PlainDisplay:
    """One line for each closed segment and for each translation."""

    def __init__(self, console: Console, targets: tuple[str, ...]) -> None:
        self._console = console
        self._view = View(targets)

    def show(self, received: Received) -> None:
        """Print what became final with the event."""
        self._view = after(self._view, received.event)
        for line in self._final(received.event):
            self._print(line)
        _, self._view = taken(self._view)

    def end(self) -> None:
        """What was committed of a segment that was not complete before the connection broke."""
        for line in self._view.lines:
            if not line.closed:
                self._print(_source(line))
            for target in line.translations:
                if target not in line.translated:
                    self._print(_translation(line, target))

    def _print(self, line: str) -> None:
        self._console.print(line, markup=False, highlight=False, soft_wrap=True)
        self._console.file.flush()

    def _final(self, event: ev.Event) -> Iterator[str]:
        match event:
            case ev.TranscriptCommitted(closed=True):
                if line := line_of(self._view, event.segment_id):
                    yield _source(line)
            case ev.TranslationCommitted(closed=True):
                if line := line_of(self._view, event.segment_id):
                    yield _translation(line, event.target)
            case _ if notice := notice_of(event):
                yield notice


class LiveDisplay:
    """Finished segments scroll up; the current ones are redrawn below them."""

    def __init__(self, live: Live, targets: tuple[str, ...]) -> None:
        self._live = live
        self._view = View(targets)

    def show(self, received: Received) -> None:
        """Redraw with the event."""
        finished, self._view = taken(after(self._view, received.event))
        for line in finished:
            self._live.console.print(line_text(line))
        for notice in self._view.notices:
            self._live.console.print(Text(notice, style="yellow"))
        self._view = replace(self._view, notices=())
        self._live.update(unfinished(self._view))

    def end(self) -> None:
        """The lines below would vanish with the live display."""
        for line in self._view.lines:
            self._live.console.print(line_text(line))
        self._live.update(Group())


@contextmanager
def display(console: Console, targets: tuple[str, ...], *, json: bool = False) -> Iterator[Display]:
    """The right display for where the output goes."""
    with ExitStack() as stack:
        shown = _chosen(console, targets, stack, json=json)
        try:
            yield shown
        finally:
            shown.end()


async def show_all(told: AsyncGenerator[Received, None], shown: Display) -> str:
    """Show events to their end; the reason of `session.closed`, empty where none came."""
    reason = ""
    async with aclosing(told) as events:
        async for received in events:
            shown.show(received)
            if isinstance(received.event, ev.SessionClosed):
                reason = received.event.reason
    return reason


def _chosen(console: Console, targets: tuple[str, ...], stack: ExitStack, *, json: bool) -> Display:
    if json:
        return JsonDisplay()
    if not console.is_terminal:
        return PlainDisplay(console, targets)
    # With "visible", lines beyond the window's height would pile up.
    live = Live(
        console=console, refresh_per_second=REFRESH_HZ, vertical_overflow="crop", transient=True
    )
    return LiveDisplay(stack.enter_context(live), targets)


def unfinished(view: View) -> RenderableType:
    """What is still on the move."""
    lines = [line_text(line) for line in view.lines]
    if view.volatile:
        tail = Text(view.volatile.strip(), style="dim italic")
        if lines and not view.lines[-1].closed:
            lines[-1] = line_text(view.lines[-1], tail)
        else:
            lines.append(Text(INDENT) + Text("…   ", style="dim") + tail)
    return Group(*lines)


def _source(line: Line) -> str:
    return f"[{time_label(line.start_ms)}] {line.language}: {line.text.strip()}"


def _translation(line: Line, target: str) -> str:
    return f"[{time_label(line.start_ms)}] -> {target}: {line.translations[target].strip()}"


def line_text(line: Line, tail: Text | None = None) -> Text:
    """A segment with its translations beneath it."""
    text = Text(f"{time_label(line.start_ms)} ", style="dim")
    text.append(f"{line.language:<3} ", style="bold cyan")
    text.append(line.text.strip(), style="bold")
    if tail is not None:
        text.append(" ").append_text(tail)
    for target in dict.fromkeys((*line.translations, *line.tails)):
        text.append(f"\n{INDENT}{target:<3} ", style="green")
        translation = line.translations.get(target, "").strip()
        text.append(translation)
        # The tail brings the space before it.
        rest = line.tails.get(target, "")
        text.append(rest if translation else rest.lstrip(), style="dim italic")
    return text
