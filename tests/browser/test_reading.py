"""The pages of viewers and of conversations in Chromium, in front of a real server."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from serve_app.client.score import chrf, word_error_percent
from tests.browser.conftest import SENTENCES, watched
from tests.browser.test_page import MAX_WER_PERCENT, MIN_CHRF
from tests.support.speech import first_sentences

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

    from tests.cluster.conftest import Server
    from tests.support.captions import Captions

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]

PHONE = {"width": 390, "height": 844}
COMMITTED = "#rows .committed:not(:empty)"
MEANT = first_sentences("en", SENTENCES)[0].entry.sentences
SPOKEN = " ".join(sentence.text for sentence in MEANT)
GERMAN = " ".join(sentence.translations["de"] for sentence in MEANT)


def committed(page: Page, selector: str = COMMITTED) -> str:
    texts: list[str] = page.eval_on_selector_all(selector, "all => all.map(p => p.textContent)")
    return " ".join(text.strip() for text in texts)


def wait_for_text(page: Page, selector: str, text: str) -> None:
    page.wait_for_function(
        "([selector, text]) => document.querySelector(selector).textContent === text",
        arg=[selector, text],
        timeout=60_000,
    )


def wait_for_passages(page: Page, count: int, selector: str = COMMITTED) -> None:
    """Until so many sentences are there to their ends."""
    page.wait_for_function(
        "([selector, count]) => {"
        "const texts = [...document.querySelectorAll(selector)].map((one) => one.textContent);"
        "return texts.length >= count && /[.?!]\\s*$/.test(texts.at(-1)); }",
        arg=[selector, count],
        timeout=60_000,
    )


def test_a_shared_session_is_read_on_a_phone_in_another_language(
    captions: Captions, browser: Browser
) -> None:
    speaker = captions.page
    speaker.select_option("#source", "en")
    speaker.select_option("#target-0", "de")
    speaker.select_option("#target-1", "")
    speaker.click("#start")
    captions.wait_for_state("live")
    speaker.click("#open-share")
    speaker.wait_for_selector("#share svg.qr path")
    link = speaker.input_value("#share [data-link]")
    assert "/view#s" in link
    with browser.new_context(viewport=PHONE, locale="de-DE") as phone:
        shown = watched(phone)
        viewer = shown.page
        viewer.goto(link)
        viewer.wait_for_selector("#language option[value=de]", state="attached")
        viewer.select_option("#language", "de")
        speaker.click("#share menu .primary")
        wait_for_passages(viewer, SENTENCES)
        captions.wait_for_rows(SENTENCES)
        speaker.click("#stop")
        captions.wait_for_state("ended")
        viewer.wait_for_selector("#status[data-state=ended]", timeout=30_000)
        assert chrf([(GERMAN, committed(viewer))]) >= MIN_CHRF, committed(viewer)
        viewer.select_option("#language", "")
        wait_for_passages(viewer, SENTENCES)
        assert word_error_percent([(SPOKEN, committed(viewer))]) <= MAX_WER_PERCENT
        viewer.goto(link[:-4] + "AAAA")  # only the fragment differs: the page loads itself anew
        viewer.wait_for_selector("#problem:not([hidden])")
        assert "not signed by this server" in viewer.inner_text("#problem-mend")


def test_two_people_talk_each_in_a_language_of_their_own(browser: Browser, server: Server) -> None:
    with (
        browser.new_context(viewport={"width": 1_000, "height": 760}, locale="en-GB") as desk,
        browser.new_context(viewport=PHONE, locale="de-DE") as phone,
    ):
        host, guest = watched(desk).page, watched(phone).page
        host.goto(f"{server.url}/conversation")
        host.click("#create")
        host.wait_for_selector("#share svg.qr path")
        link = host.input_value("#share [data-link]")
        guest.goto(link)
        guest.wait_for_selector("#transport:not([hidden])")
        assert guest.input_value("#language") == "de"
        wait_for_text(guest, "#status-text", "Both are here")
        host.click("#share menu .primary")
        assert host.input_value("#language") == "en"
        host.hover("#press")
        host.mouse.down()
        wait_for_text(guest, "#speaking", "The other side is speaking")
        wait_for_passages(guest, SENTENCES, "[data-side=host] .committed")
        host.mouse.up()
        wait_for_text(guest, "#speaking", "")
        assert chrf([(GERMAN, committed(guest))]) >= MIN_CHRF, committed(guest)
        assert word_error_percent([(SPOKEN, committed(host))]) <= MAX_WER_PERCENT
        host.click("#ask")
        guest.wait_for_selector("#agree:not([hidden])")
        assert "asks to keep a transcript" in guest.inner_text("#consent-text")
        guest.click("#agree")
        host.wait_for_selector("#save-txt:not([hidden])")
        with host.expect_download() as saved:
            host.click("#save-txt")
        written = saved.value.path().read_text()
        assert written.count("host: ") == SENTENCES
        assert written.count("    de: ") == SENTENCES
        guest.click("#refuse")
        host.wait_for_selector("#save-txt", state="hidden")
