"""The live-caption page in Chromium, in front of a real server."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from serve_app.client.score import chrf, word_error_percent
from tests.browser.conftest import SENTENCES, launched, watched, write_wav
from tests.support.doors import scripted_service, serving_beside
from tests.support.keys import key_for, with_keys
from tests.support.scripted import Script, Spoken
from tests.support.speech import first_sentences

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, BrowserType

    from tests.cluster.conftest import Server
    from tests.support.captions import Captions
    from tests.support.threaded_relay import ThreadedRelay

pytestmark = pytest.mark.browser

MAX_WER_PERCENT = 12.0
"""Of two sentences, less than twenty words."""
MIN_CHRF = 85.0
TARGETS = ("de", "es")
LONG_SESSION = """async count => {
  const { Captions } = await import(new URL("web/captions/captions.js", location));
  const rows = document.getElementById("rows");
  const captions = new Captions(rows, code => code);
  captions.begin(0);
  for (let i = 0; i < count; i++) {
    captions.note({
      type: "transcript.committed", segment_id: `s.${i}`, utterance_id: `u${i}`, text: `word ${i}`,
      start_ms: i * 1000, end_ms: i * 1000 + 900, language: "en", closed: true,
    });
    if (i === 60) captions.remark("sixty");
  }
  // What is out of view is known to be so only once it was drawn.
  await new Promise(drawn => requestAnimationFrame(() => requestAnimationFrame(drawn)));
  const laidOut = row => row.firstChild.checkVisibility({ contentVisibilityAuto: true });
  const texts = [...rows.querySelectorAll(".row, .remark")].map(row => row.textContent);
  return { texts, laidOut: [...rows.querySelectorAll(".row")].map(laidOut) };
}"""
"""As many committed segments; which of them the browser lays out."""


def assert_heard(captions: Captions, language: str = "en") -> None:
    """The sample's first sentences and all their translations, each once."""
    sentences = first_sentences(language, SENTENCES)[0].entry.sentences
    spoken = " ".join(sentence.text for sentence in sentences)
    assert word_error_percent([(spoken, captions.spoken())]) <= MAX_WER_PERCENT, captions.rows()
    for target in TARGETS:
        if target != language:
            meant = " ".join(sentence.translations[target] for sentence in sentences)
            assert chrf([(meant, captions.translation(target))]) >= MIN_CHRF, captions.rows()
    assert {row["language"] for row in captions.rows()} == {language}


def speech_file(folder: Path, language: str = "en") -> bytes:
    path = folder / "speech.wav"
    write_wav(path, first_sentences(language, SENTENCES)[1], 44_100, channels=2)
    return path.read_bytes()


def hear_file(captions: Captions, content: bytes) -> None:
    """A file as fast as the server keeps up, to the end."""
    captions.page.click("#open-settings")
    captions.page.uncheck("#aloud")
    captions.page.click("#settings button.primary")
    captions.drop("speech.wav", content)
    captions.wait_for_state("ended")


def test_the_microphone_becomes_text_and_both_translations(captions: Captions) -> None:
    page = captions.page
    page.select_option("#source", "en")
    page.click("#start")
    captions.wait_for_state("live")
    captions.wait_for_rows(SENTENCES)
    assert int(page.get_attribute("#meter", "aria-valuenow") or "") >= 0
    assert page.inner_text("#elapsed") != "0:00"
    page.click("#stop")
    captions.wait_for_state("ended")
    assert_heard(captions)
    tails = page.eval_on_selector_all("#rows .tail", "tails => tails.map(t => t.textContent)")
    assert set(tails) == {""}
    captions.assert_clean()


def test_a_cut_connection_loses_and_changes_nothing(
    context: BrowserContext, relay: ThreadedRelay
) -> None:
    captions = watched(context)
    captions.open(relay.url)
    page = captions.page
    page.click("#start")
    page.wait_for_selector(".source .committed:not(:empty)", timeout=30_000)
    relay.cut(refuse=True)
    captions.wait_for_state("waiting")
    assert "all that is said is kept" in page.inner_text("#status-text")
    assert "Next try in" in page.inner_text("#status-countdown")
    page.wait_for_timeout(1_500)
    relay.heal()
    page.click("#retry")
    captions.wait_for_state("live")
    page.wait_for_function(
        "text => document.getElementById('rows').innerText.includes(text)",
        arg="late",
        timeout=30_000,
    )
    relay.cut()
    captions.wait_for_state("live")
    captions.wait_for_rows(SENTENCES)
    page.click("#stop")
    captions.wait_for_state("ended")
    assert_heard(captions)
    segments = page.eval_on_selector_all(".row", "rows => rows.map(row => row.dataset.segment)")
    assert len(set(segments)) == len(segments)
    captions.assert_clean(but=("ERR_",))


def test_a_dropped_file_is_heard(captions: Captions, tmp_path: Path) -> None:
    hear_file(captions, speech_file(tmp_path, "de"))
    assert_heard(captions, "de")
    captions.assert_clean()


def test_a_chosen_file_is_played_at_the_pace_of_speech(captions: Captions, tmp_path: Path) -> None:
    speech_file(tmp_path)
    with captions.page.expect_file_chooser() as chooser:
        captions.page.click("#open-file")
    chosen_s = time.monotonic()
    chooser.value.set_files(tmp_path / "speech.wav")
    captions.wait_for_state("live")
    captions.page.wait_for_timeout(1_000)
    minutes, seconds = captions.page.inner_text("#elapsed").split(":")
    assert (minutes, int(seconds) > 0) == ("0", True)
    assert int(seconds) <= time.monotonic() - chosen_s
    captions.page.click("#stop")
    captions.wait_for_state("ended")
    captions.assert_clean()


def test_of_hours_of_captions_only_what_is_in_view_is_laid_out(captions: Captions) -> None:
    shown = captions.page.evaluate(LONG_SESSION, 1_000)
    assert [text for text in shown["texts"] if text != "sixty"] == [
        f"{minutes}:{seconds:02}word {60 * minutes + seconds}"
        for minutes, seconds in (divmod(i, 60) for i in range(1_000))
    ]
    assert shown["texts"].index("sixty") == 61
    assert shown["laidOut"][-1]
    assert 1 <= sum(shown["laidOut"]) <= 250
    captions.assert_clean()


def test_what_is_no_audio_is_told_with_the_way_out(captions: Captions) -> None:
    captions.drop("notes.txt", b"this is no audio at all")
    captions.page.wait_for_selector("#problem:not([hidden])")
    told = captions.page.inner_text("#problem")
    assert "cannot read notes.txt" in told
    assert "ffmpeg -i" in told
    captions.page.click("#dismiss")
    assert captions.page.is_hidden("#problem")
    assert captions.page.is_enabled("#start")
    captions.assert_clean()


def test_a_denied_microphone_is_told_with_the_way_out(
    chromium: BrowserType, server: Server
) -> None:
    denying = launched(chromium, "--use-fake-ui-for-media-stream=deny")
    captions = watched(denying.new_context())
    captions.open(server.url)
    captions.page.click("#start")
    captions.page.wait_for_selector("#problem:not([hidden])")
    assert captions.page.inner_text("#problem-title") == "The microphone is blocked"
    assert "allow the microphone" in captions.page.inner_text("#problem-mend")
    assert captions.page.inner_text("#status-text") == "Ready"
    captions.assert_clean()
    denying.close()


def test_a_server_that_wants_a_key_is_given_one(context: BrowserContext) -> None:
    key = key_for("page", "stream")
    silent = scripted_service(Script([Spoken("Good", 300, 600)], length_ms=1_000))
    captions = watched(context)
    page = captions.page
    with serving_beside(with_keys(silent, key)) as url:
        captions.open(url)
        page.click("#start")
        captions.wait_for_state("failed")
        assert page.inner_text("#problem-title") == "The server wants an API key"
        assert "under Settings" in page.inner_text("#problem-mend")
        page.click("#open-settings")
        page.fill("#secret", key.key)
        page.click("#settings button.primary")
        page.click("#start")
        captions.wait_for_state("live")
        assert page.is_hidden("#problem")
        page.click("#stop")
        captions.wait_for_state("ended")
    assert key.key not in page.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}])")
    captions.assert_clean(but=("401", "HTTP Authentication failed"))


def test_saved_files_hold_what_was_said(captions: Captions, tmp_path: Path) -> None:
    hear_file(captions, speech_file(tmp_path))
    rows = captions.rows()
    page = captions.page
    page.click("#open-save")
    assert page.inner_text("#save-language").split("\n") == ["As spoken", "German", "Spanish"]
    page.select_option("#save-language", "es")
    saved: dict[str, tuple[str, str]] = {}
    for name in ("txt", "srt", "vtt", "json"):
        with page.expect_download() as download:
            page.click(f"[data-format={name}]")
        saved[name] = (
            download.value.suggested_filename,
            Path(download.value.path()).read_text(encoding="utf-8"),
        )
    assert [saved[name][0] for name in saved] == [
        "captions.txt", "captions.es.srt", "captions.es.vtt", "captions.json"
    ]  # fmt: skip
    for row in rows:
        for text in (row["spoken"], *row["translations"].values()):
            assert text in saved["txt"][1]
        assert row["translations"]["es"] in saved["srt"][1]
        assert row["translations"]["es"] in saved["vtt"][1]
        assert row["spoken"] not in saved["srt"][1]
    assert saved["srt"][1].startswith("1\n00:00:0")
    assert saved["vtt"][1].startswith("WEBVTT\n\n00:00:0")
    told = json.loads(saved["json"][1])["segments"]
    assert [segment["text"] for segment in told] == [row["spoken"] for row in rows]
    assert [segment["translations"] for segment in told] == [row["translations"] for row in rows]
    assert all(0 < segment["start_ms"] < segment["end_ms"] for segment in told)
    captions.assert_clean()


def test_one_target_may_be_off_and_choices_are_kept(captions: Captions, tmp_path: Path) -> None:
    page = captions.page
    page.select_option("#target-0", "es")
    assert page.input_value("#target-1") == "de", "the same twice: they change places"
    page.select_option("#target-1", "")
    page.reload()
    page.wait_for_selector("#target-0 option[value=de]", state="attached")
    assert (page.input_value("#target-0"), page.input_value("#target-1")) == ("es", "")
    hear_file(captions, speech_file(tmp_path))
    assert [list(row["translations"]) for row in captions.rows()] == [["es"]] * SENTENCES
    captions.assert_clean()


def test_the_newest_text_stays_in_view_until_the_reader_scrolls_up(
    captions: Captions, tmp_path: Path
) -> None:
    page = captions.page
    page.set_viewport_size({"width": 390, "height": 420})
    hear_file(captions, speech_file(tmp_path))
    left = (
        "() => { const box = document.getElementById('captions');"
        " return box.scrollHeight - box.clientHeight - box.scrollTop; }"
    )
    assert page.evaluate(left) < 2
    assert page.is_hidden("#latest")
    page.evaluate("document.getElementById('captions').scrollTop = 0")
    page.wait_for_selector("#latest:not([hidden])")
    page.evaluate("document.querySelector('.source .committed').append(' more'.repeat(99))")
    assert page.evaluate("document.getElementById('captions').scrollTop") == 0
    page.click("#latest")
    page.wait_for_selector("#latest", state="hidden")
    assert page.evaluate(left) < 2


def test_text_from_right_to_left(captions: Captions) -> None:
    """The bundled models know no such language; the view does."""
    shown = captions.page.evaluate(
        """async () => {
          const { Captions } = await import("/web/captions/captions.js");
          const view = new Captions(document.getElementById("rows"), (code) => code);
          view.setTargets(["ar", ""]);
          view.note({ type: "transcript.committed", segment_id: "a", utterance_id: "u",
            text: "One.", start_ms: 0, end_ms: 9, language: "en", closed: true });
          view.note({ type: "translation.committed", segment_id: "a", target: "ar", text: "واحد.",
            closed: true });
          return [...document.querySelectorAll(".cell")].map(
            (cell) => [cell.lang, getComputedStyle(cell).direction]);
        }"""
    )
    assert shown == [["en", "ltr"], ["ar", "rtl"]]


def test_everything_is_reached_and_named_without_a_mouse(captions: Captions) -> None:
    page = captions.page
    reached = []
    for _ in range(8):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.id"))
    assert reached == [
        "", "open-settings", "source", "target-0", "target-1", "captions", "start", "open-file"
    ]  # fmt: skip
    nameless = page.evaluate(
        """() => [...document.querySelectorAll("button, select, input, canvas, [role=log]")].filter(
          (element) => !(element.getAttribute("aria-label") || element.textContent.trim()
            || element.labels?.[0]?.textContent.trim())).map((element) => element.outerHTML)"""
    )
    assert nameless == []
    log = page.get_by_role("log", name="What was said")
    assert log.get_attribute("aria-live") == "polite"
    assert page.get_by_role("main").is_visible()
    page.focus("#start")
    page.keyboard.press("Enter")
    captions.wait_for_state("live")
    assert page.evaluate("document.activeElement.id") == "stop"
    page.keyboard.press("Enter")
    captions.wait_for_state("ended")
    assert page.evaluate("document.activeElement.id") == "start"
    page.click("#open-settings")
    assert page.get_by_role("dialog", name="Settings").is_visible()
    page.keyboard.press("Escape")
    assert page.get_by_role("dialog", name="Settings").is_hidden()
    captions.assert_clean()
