"""Each segment once per target and in order; drafts that overtake, fail or contradict."""

from __future__ import annotations

import pytest

from deployments.types import Draft, MtRequest
from serve_app.session.append import MtMode
from serve_app.session.segments import Growth, Segment
from serve_app.session.translations import HISTORY_CHARACTERS, Piece, Tail, Translations

DE = ("de",)


def segment(text: str, start: int = 0, language: str = "en") -> Segment:
    return Segment(f"s.{start}", "u", language, text, start, start + 100)


class Bench:
    """Translations and what they asked for, by segment and target."""

    def __init__(
        self, mode: MtMode, targets: tuple[str, ...] = DE, *, partials: bool = True
    ) -> None:
        self.all = Translations(mode, {"de": (("a", "b"),)}, partials)
        self.targets = targets
        self.asked: list[MtRequest] = []

    def grow(
        self, text: str, start: int = 0, *, closed: bool = False, language: str = "en"
    ) -> None:
        growth = Growth(segment(text, start, language), "", (), closed)
        self.all.grow(growth, self.targets)
        self._ask()

    def answer(self, text: str, start: int = 0, target: str = "de") -> str:
        loss = self.all.answer(f"s.{start}", target, Draft(text))
        self._ask()
        return loss

    def fail(self, start: int = 0) -> str:
        loss = self.all.fail(f"s.{start}", "de", "gone")
        self._ask()
        return loss

    def told(self) -> list[tuple[str, bool]]:
        return [(piece.text, piece.closed) for piece in self.all.pieces()]

    def _ask(self) -> None:
        self.asked += [ask.request for ask in self.all.due()]


def test_final_asks_for_closed_segments_alone() -> None:
    bench = Bench("final")
    bench.grow("Where is")
    assert (bench.asked, bench.all.pending) == ([], 0)
    bench.grow("Where is it?", closed=True)
    assert bench.all.pending == 1
    [request] = bench.asked
    assert request == MtRequest("Where is it?", "en", "de", glossary=(("a", "b"),))
    bench.answer("Wo ist es?")
    assert bench.told() == [("Wo ist es?", True)]
    assert (bench.told(), bench.all.pending, bench.all.oldest_pending) == ([], 0, None)


def test_append_tells_what_is_sure_and_forces_it() -> None:
    bench = Bench("append")
    bench.grow("Where is")
    bench.answer("Wo ist")
    bench.grow("Where is the")
    bench.answer("Wo ist der")
    assert bench.told() == [("Wo ist", False)]
    assert bench.all.tails() == [Tail("s.0", "de", " der")]
    bench.grow("Where is the station?", closed=True)
    assert [(r.committed_target, r.open) for r in bench.asked] == [
        ("", True),
        ("", True),
        ("Wo ist", False),
    ]
    bench.answer("Wo ist der Bahnhof?")
    assert bench.told() == [(" der Bahnhof?", True)]
    assert bench.all.tails() == [Tail("s.0", "de", "")]


def test_while_a_draft_is_in_flight_only_the_newest_source_waits() -> None:
    bench = Bench("append")
    for text in ("Where", "Where is", "Where is the"):
        bench.grow(text)
    bench.grow("Where is the station?", closed=True)
    bench.answer("Wo")
    assert [request.source for request in bench.asked] == ["Where", "Where is the station?"]


def test_revise_shows_drafts_and_commits_the_whole() -> None:
    bench = Bench("revise")
    bench.grow("Where is")
    bench.answer("Wo ist das?")
    assert (bench.told(), bench.all.tails()) == ([], [Tail("s.0", "de", "Wo ist das?")])
    bench.grow("Where is it?", closed=True)
    assert bench.asked[-1].committed_target == ""
    bench.answer("Wo ist es?")
    assert bench.told() == [("Wo ist es?", True)]
    assert bench.all.tails() == [Tail("s.0", "de", "")]


def test_drafts_that_nobody_sees_are_not_asked_for() -> None:
    bench = Bench("revise", partials=False)
    bench.grow("Where is")
    assert bench.asked == []
    eager = Bench("append", partials=False)
    eager.grow("Where is")
    eager.answer("Wo ist")
    assert len(eager.asked) == 1
    assert eager.all.tails() == []


def test_a_failed_update_is_made_good_by_the_next() -> None:
    bench = Bench("append")
    bench.grow("Where")
    assert bench.fail() == ""
    bench.grow("Where is")
    bench.answer("Wo ist")
    bench.grow("Where is it")
    bench.answer("Wo ist es")
    assert bench.told() == [("Wo ist", False)]


def test_a_failed_close_is_a_loss_and_lets_the_next_segment_out() -> None:
    bench = Bench("append")
    bench.grow("One.", 0, closed=True)
    bench.grow("Two.", 100, closed=True)
    bench.answer("Zwei.", 100)
    assert bench.told() == []
    assert bench.fail(0) == "gone"
    assert bench.all.pieces() == [Piece("s.100", "de", "Zwei.", closed=True)]
    assert bench.all.pending == 0


def test_what_was_told_before_a_failed_close_stands_and_is_closed() -> None:
    bench = Bench("append")
    bench.grow("Where is")
    bench.answer("Wo ist")
    bench.grow("Where is it")
    bench.answer("Wo ist es")
    bench.grow("Where is it?", closed=True)
    assert bench.told() == [("Wo ist", False)]
    assert bench.fail() == "gone"
    assert bench.told() == [("", True)]


@pytest.mark.parametrize("closed", [False, True])
def test_a_draft_that_takes_back_what_was_told_is_a_failure(closed: bool) -> None:
    bench = Bench("append")
    bench.grow("Where is")
    bench.answer("Wo ist")
    bench.grow("Where is it")
    bench.answer("Wo ist es")
    assert bench.told() == [("Wo ist", False)]
    bench.grow("Where is it now", closed=closed)
    loss = bench.answer("Wann ist es jetzt")
    assert loss == ("the draft did not go on from the translation so far" if closed else "")
    assert bench.told() == ([("", True)] if closed else [])


def test_a_later_segment_waits_for_its_turn_and_comes_in_one_piece() -> None:
    bench = Bench("append")
    bench.grow("One", 0)
    bench.grow("One.", 0, closed=True)
    for text, draft in (("Two", "Zwei"), ("Two three", "Zwei drei")):
        bench.grow(text, 100)
        bench.answer(draft, 100)
    assert (bench.told(), bench.all.tails()) == ([], [])
    bench.answer("Eins", 0)
    bench.answer("Eins.", 0)
    assert bench.all.pieces() == [
        Piece("s.0", "de", "Eins.", closed=True),
        Piece("s.100", "de", "Zwei", closed=False),
    ]
    assert bench.all.tails() == [Tail("s.100", "de", " drei")]


@pytest.mark.parametrize(
    ("mode", "told"),
    [
        ("append", [[("Where", False)], [(" is", False)], [(" it?", True)]]),
        ("revise", [[], [], [("Where is it?", True)]]),
        ("final", [[], [], [("Where is it?", True)]]),
    ],
)
def test_the_source_itself_is_its_translation_into_its_own_language(
    mode: MtMode, told: list[list[tuple[str, bool]]]
) -> None:
    bench = Bench(mode, ("en",))
    seen = []
    for text in ("Where", "Where is", "Where is it?"):
        bench.grow(text, closed=text.endswith("?"))
        seen.append(bench.told())
    assert (seen, bench.asked) == (told, [])


def test_targets_do_not_wait_for_one_another() -> None:
    bench = Bench("final", ("de", "es"))
    bench.grow("One.", closed=True)
    bench.answer("Uno.", 0, "es")
    assert bench.all.pieces() == [Piece("s.0", "es", "Uno.", closed=True)]
    assert bench.all.pending == 1
    assert [r.glossary for r in bench.asked] == [(("a", "b"),), ()]


def test_history_is_the_last_pairs_of_the_same_language() -> None:
    bench = Bench("final")
    texts = ["One.", "Two.", "Three.", "x" * (HISTORY_CHARACTERS + 1)]
    for start, text in enumerate(texts):
        bench.grow(text, start, closed=True)
        bench.answer(f"de {text}", start)
        bench.told()
    bench.grow("Now.", 7, closed=True)
    assert bench.asked[-1].history == (("Two.", "de Two."), ("Three.", "de Three."))
    bench.grow("Ahora.", 8, closed=True, language="es")
    assert bench.asked[-1].history == ()


@pytest.mark.parametrize(("mode", "finished"), [("final", ["es"]), ("append", ["de", "es"])])
def test_a_target_that_is_dropped_is_finished_where_it_was_begun(
    mode: MtMode, finished: list[str]
) -> None:
    bench = Bench(mode)
    bench.grow("One")
    bench.targets = ("es",)
    bench.grow("One.", closed=True)
    if mode == "append":
        bench.answer("Eins")
        bench.answer("Eins.")
    bench.answer("Uno.", 0, "es")
    assert [(piece.target, piece.closed) for piece in bench.all.pieces()] == [
        (target, True) for target in finished
    ]
    assert bench.all.pending == 0


def test_a_translation_that_was_begun_before_is_gone_on_with() -> None:
    bench = Bench("append")
    bench.all.take_up(segment("Where is"), "de", "Wo ist")
    bench.grow("Where is it?", closed=True)
    assert bench.asked[-1].committed_target == "Wo ist"
    bench.answer("Wo ist es?")
    assert bench.told() == [(" es?", True)]


def test_nothing_said_is_told_once_where_its_translation_is_empty() -> None:
    bench = Bench("append")
    bench.grow("Hm.", closed=True)
    bench.answer("")
    assert bench.told() == [("", True)]
    assert bench.told() == []
