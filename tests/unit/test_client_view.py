"""From events to what is shown."""

import io
import re
from functools import reduce

from rich.console import Console
from rich.text import Text

from serve_app.client.notices import Reconnected, Reconnecting
from serve_app.client.render import PlainDisplay, display, line_text, unfinished
from serve_app.client.view import Line, View, after, taken, time_label
from serve_app.client.wire import Received
from serve_app.session import events as ev


def committed(segment: str, text: str, start_ms: int, *, closed: bool) -> ev.TranscriptCommitted:
    return ev.TranscriptCommitted(segment, "u", text, start_ms, start_ms + 500, "en", closed)


def said(segment: str, target: str, text: str, *, closed: bool = True) -> ev.TranslationCommitted:
    return ev.TranslationCommitted(segment, target, text, closed)


def view_of(*events: ev.Event, targets: tuple[str, ...] = ("de",)) -> View:
    return reduce(after, events, View(targets))


def plain(*events: ev.Event, targets: tuple[str, ...] = ("de",)) -> str:
    out = io.StringIO()
    shown = PlainDisplay(Console(file=out, force_terminal=False, width=20), targets)
    for seq, event in enumerate(events):
        shown.show(Received(seq, event, ""))
    shown.end()
    return out.getvalue()


def test_the_texts_of_a_segment_are_put_together() -> None:
    view = view_of(
        committed("a", " Good", 300, closed=False), committed("a", " morning.", 800, closed=True)
    )
    assert view.lines == (Line("a", 300, "en", " Good morning.", closed=True),)


def test_the_volatile_tail_is_replaced_and_cleared() -> None:
    tail = [ev.TranscriptPartial("u", text) for text in (" Good", " Good mor", "")]
    assert view_of(*tail[:2]).volatile == " Good mor"
    assert view_of(*tail).volatile == ""


def test_a_line_is_finished_with_its_last_translation() -> None:
    closed = committed("a", "Hello.", 0, closed=True)
    targets = ("de", "es")
    half = view_of(closed, said("a", "de", "Hallo."), targets=targets)
    assert taken(half) == ((), half)
    finished, rest = taken(after(half, said("a", "es", "Hola.")))
    assert [line.translations for line in finished] == [{"de": "Hallo.", "es": "Hola."}]
    assert rest.lines == ()


def test_a_failed_translation_does_not_hold_up_what_follows() -> None:
    view = view_of(
        committed("a", "Hello.", 0, closed=True),
        committed("b", "Bye.", 900, closed=True),
        ev.Warning("translation_failed", "No translation into de."),
        said("b", "de", "Tschüss."),
    )
    finished, rest = taken(view)
    assert [line.segment_id for line in finished] == ["a", "b"]
    assert rest.notices == ("warning: No translation into de. (translation_failed)",)


def test_a_translation_that_grows_is_put_together_and_finished_with_its_last_piece() -> None:
    growing = view_of(
        committed("a", "Where is it?", 0, closed=True),
        said("a", "de", "Wo", closed=False),
        ev.TranslationPartial("a", "de", " ist"),
    )
    assert taken(growing) == ((), growing)
    assert growing.lines[0].tails == {"de": " ist"}
    finished, _ = taken(after(growing, said("a", "de", " ist es?")))
    assert [line.translations for line in finished] == [{"de": "Wo ist es?"}]


def test_a_translation_that_was_begun_and_failed_does_not_hold_up_what_follows() -> None:
    view = view_of(
        committed("a", "Where is it?", 0, closed=True),
        said("a", "de", "Wo", closed=False),
        committed("b", "Bye.", 900, closed=False),
    )
    assert taken(view) == ((), view)
    finished, _ = taken(after(view, said("b", "de", "Tschüss", closed=False)))
    assert [line.translations for line in finished] == [{"de": "Wo"}]


def test_the_tail_of_a_translation_follows_what_is_committed_of_it() -> None:
    line = Line("a", 0, "en", "Where", translations={"de": "Wo"}, tails={"de": " ist", "es": "¿"})
    text = line_text(line)
    assert [part.strip() for part in text.plain.splitlines()[1:]] == ["de  Wo ist", "es  ¿"]
    styles = {text.plain[span.start : span.end]: str(span.style) for span in text.spans}
    assert styles[" ist"] == "dim italic"


def test_plain_lines_wait_for_the_whole_translation() -> None:
    growing = [
        committed("a", "Where is it?", 0, closed=True),
        said("a", "de", "Wo", closed=False),
        said("a", "de", " ist es?"),
    ]
    whole = ["[00:00.0] en: Where is it?", "[00:00.0] -> de: Wo ist es?"]
    assert plain(*growing).splitlines() == whole
    assert plain(*growing[:2]).splitlines() == [whole[0], "[00:00.0] -> de: Wo"]


def test_the_end_lets_go_of_everything() -> None:
    view = view_of(committed("a", "Hel", 0, closed=False), ev.SessionClosed("error"))
    finished, rest = taken(view)
    assert [line.text for line in finished] == ["Hel"]
    assert rest.lines == ()


def test_plain_lines_are_final_and_unbroken() -> None:
    text = plain(
        ev.TranscriptPartial("u", " We missed"),
        committed("a", " We missed the", 61_250, closed=False),
        committed("a", " ferry [again].", 62_000, closed=True),
        said("a", "de", "Wir haben die Fähre verpasst."),
        ev.Error("overloaded", "Too much.", True),
    )
    assert text.splitlines() == [
        "[01:01.2] en: We missed the ferry [again].",
        "[01:01.2] -> de: Wir haben die Fähre verpasst.",
        "error: Too much. (overloaded)",
    ]


def test_plain_lines_without_targets_are_just_the_text() -> None:
    assert plain(committed("a", " Hi.", 0, closed=True), targets=()) == "[00:00.0] en: Hi.\n"


def test_what_was_committed_before_the_connection_broke_is_shown() -> None:
    assert plain(committed("a", " We missed", 0, closed=False)) == "[00:00.0] en: We missed\n"
    out = io.StringIO()
    console = Console(file=out, force_terminal=True, width=60, color_system=None)
    with display(console, ("de",)) as shown:
        shown.show(Received(1, committed("a", " We missed", 0, closed=False), ""))
        shown.show(Received(2, ev.TranscriptPartial("u", " the"), ""))
    shown_lines = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "\r", out.getvalue()).splitlines()
    assert "00:00.0 en  We missed" in shown_lines


def test_the_tail_follows_the_open_segment() -> None:
    view = view_of(committed("a", " Good", 0, closed=False), ev.TranscriptPartial("u", " mor"))
    console = Console(file=io.StringIO(), width=80)
    with console.capture() as capture:
        console.print(unfinished(view))
    assert capture.get().strip() == "00:00.0 en  Good mor"


def test_firm_and_volatile_look_different() -> None:
    text = line_text(Line("a", 0, "en", "Good"), Text("mor", style="dim italic"))
    styles = {text.plain[span.start : span.end]: str(span.style) for span in text.spans}
    assert styles["Good"] == "bold"
    assert styles["mor"] == "dim italic"


def test_a_loss_is_told_once_however_long_it_lasts() -> None:
    losses = [Reconnecting("cut", "http://b", attempt, 250) for attempt in (1, 2, 3)]
    assert plain(*losses, Reconnected("http://b", 13_900)).splitlines() == [
        "connection lost (cut); connecting to http://b",
        "connected to http://b; going on at 00:13.9",
    ]


def test_times_are_minutes_seconds_and_tenths() -> None:
    assert [time_label(ms) for ms in (0, 59_999, 3_600_000)] == ["00:00.0", "00:59.9", "60:00.0"]
