"""The page's modules without a browser, in the Node.js that Playwright brings along."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from serve_app.client.resume import Memory
from serve_app.session import events as ev

driver = pytest.importorskip("playwright._impl._driver", reason="make test installs Playwright")

WEB = Path(__file__).parents[1] / "web"
SUITES = sorted(WEB.glob("*.test.mjs"))


def node(*arguments: str | Path, given: str = "") -> str:
    ran = subprocess.run(
        [driver.compute_driver_executable()[0], *arguments],
        input=given,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


@pytest.mark.parametrize("suite", SUITES, ids=lambda path: path.name)
def test_modules(suite: Path) -> None:
    assert "\n# fail 0" in node("--test", "--test-reporter=tap", suite)


def told(*, cut_ms: int) -> list[ev.Event]:
    """A session in which a segment is held, one is let go and one is not known."""

    def said(name: str, text: str, end_ms: int, *, closed: bool) -> ev.Event:
        return ev.TranscriptCommitted(name, "u1", text, end_ms - 300, end_ms, "en", closed)

    return [
        ev.SessionCreated("s1", {"source": "auto"}, 0, "t0"),
        ev.SpeechStarted(100, "u1"),
        said("a", "Where", 700, closed=False),
        ev.TranslationCommitted("a", "de", "Wo", closed=False),
        ev.TranslationPartial("a", "de", " is"),
        said("a", " is it?", 1_200, closed=True),
        ev.TranslationCommitted("a", "de", " ist es?", closed=True),
        ev.TranslationCommitted("a", "es", "", closed=False),
        said("b", "There.", 2_000, closed=True),
        ev.TranslationCommitted("unknown", "de", "Was", closed=True),
        ev.SessionUpdated({"source": "en"}, "t1"),
        ev.Ack(cut_ms, "t2"),
        said("b", " Here.", 2_500, closed=True),
    ]


@pytest.mark.parametrize("cut_ms", [0, 1_199, 1_200, 2_000])
def test_the_page_remembers_what_the_python_client_does(cut_ms: int) -> None:
    events = told(cut_ms=cut_ms)
    lines = [json.dumps(ev.to_wire(seq, event)) for seq, event in enumerate(events, start=1)]
    answered = node(WEB / "remember.mjs", given="\n".join(lines)).splitlines()
    memory = Memory()
    for event, answer in zip(events, answered, strict=True):
        memory.note(event)
        assert json.loads(answer) == {"acked_ms": memory.acked_ms, **memory.message()}, event
