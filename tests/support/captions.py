"""The live-caption page as a test sees it: what it shows, what went wrong, what it took back."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass, field
from typing import Any

from playwright.sync_api import ConsoleMessage, Page

WATCH = """
window.takenBack = [];
window.violations = [];
addEventListener("securitypolicyviolation", (event) => window.violations.push(event.blockedURI));
const isFinal = (node) => (node.nodeType === 1 ? node : node.parentElement)?.closest(".committed");
new MutationObserver((changes) => {
  for (const { type, target, removedNodes } of changes) {
    const within = isFinal(target);
    if (within && type === "characterData") window.takenBack.push(`changed: ${target.data}`);
    for (const gone of removedNodes) {
      const said = gone.nodeType === 1 && gone.querySelector(".committed:not(:empty)");
      if (within || said) window.takenBack.push(`removed: ${gone.textContent}`);
    }
  }
}).observe(document, { childList: true, characterData: true, subtree: true });
"""
"""Notes every change of committed text that is not an addition."""

ROWS = """rows => rows.map(row => ({
  spoken: row.querySelector(".source .committed").textContent.trim(),
  language: row.querySelector(".source").lang,
  translations: Object.fromEntries([...row.querySelectorAll(".translation")].map(
    cell => [cell.lang, cell.querySelector(".committed").textContent.trim()])),
  complete: row.classList.contains("closed")
    && [...row.querySelectorAll(".translation")].every(cell => cell.matches(".complete")),
}))"""


@dataclass
class Captions:
    """A page that is open."""

    page: Page
    errors: list[str] = field(default_factory=list)
    """What the console said."""

    @classmethod
    def on(cls, page: Page) -> Captions:
        """Watch a page before it is opened."""
        captions = cls(page)
        page.on("console", captions._note)
        page.on("pageerror", lambda error: captions.errors.append(str(error)))
        page.add_init_script(WATCH)
        return captions

    def _note(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.errors.append(message.text)

    def open(self, url: str) -> None:
        """Go there, until the languages can be chosen."""
        self.page.goto(url)
        self.page.wait_for_selector("#target-0 option[value=de]", state="attached")

    def rows(self) -> list[dict[str, Any]]:
        """Segments, oldest first."""
        rows: list[dict[str, Any]] = self.page.eval_on_selector_all(".row[data-segment]", ROWS)
        return rows

    def wait_for_rows(self, count: int, *, timeout_s: float = 60) -> None:
        """Until so many segments are committed and translated."""
        self.page.wait_for_function(
            f"count => ({ROWS})([...document.querySelectorAll('.row[data-segment]')])"
            ".filter(row => row.complete).length >= count",
            arg=count,
            timeout=timeout_s * 1000,
        )

    def wait_for_state(self, state: str, *, timeout_s: float = 60) -> None:
        """Until the session stands so."""
        self.page.wait_for_selector(f"#status[data-state={state}]", timeout=timeout_s * 1000)

    def spoken(self) -> str:
        return " ".join(row["spoken"] for row in self.rows())

    def translation(self, target: str) -> str:
        return " ".join(row["translations"][target] for row in self.rows())

    def drop(self, name: str, content: bytes) -> None:
        """A file that the user lets fall on the page."""
        data = self.page.evaluate_handle(
            """([name, content]) => {
              const transfer = new DataTransfer();
              const bytes = Uint8Array.from(atob(content), letter => letter.charCodeAt(0));
              transfer.items.add(new File([bytes], name));
              return transfer;
            }""",
            [name, b64encode(content).decode()],
        )
        for event in ("dragenter", "dragover", "drop"):
            self.page.dispatch_event("body", event, {"dataTransfer": data})

    def assert_clean(self, *, but: tuple[str, ...] = ()) -> None:
        """Nothing was taken back, nothing forbidden, nothing said on the console but `but`."""
        assert self.page.evaluate("window.takenBack") == []
        assert self.page.evaluate("window.violations") == []
        assert [e for e in self.errors if not any(known in e for known in but)] == []
