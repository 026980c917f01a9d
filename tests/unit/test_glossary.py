"""Glossary terms as a client gives them."""

from __future__ import annotations

import pytest

from deployments.types import StageInfo
from serve_app.api.glossary import parse_glossary
from serve_app.errors import InvalidRequestError

ABLE = StageInfo("m", "1", (), takes_glossary=True)


def test_terms_go_to_their_language() -> None:
    assert parse_glossary(["station = Bahnhof", "de:a:b=c"], ["de"], ABLE) == {
        "de": (("station", "Bahnhof"), ("a:b", "c"))
    }
    assert parse_glossary(["es:train=tren", "de:train=Zug"], ["de", "es"], ABLE) == {
        "es": (("train", "tren"),),
        "de": (("train", "Zug"),),
    }
    assert parse_glossary(["16:9=Breitbild"], ["de"], ABLE) == {"de": (("16:9", "Breitbild"),)}


def test_no_terms_are_no_glossary() -> None:
    assert parse_glossary([], [], StageInfo("m", "1", ())) == {}


@pytest.mark.parametrize(
    ("terms", "targets", "message"),
    [
        (["station"], ["de"], "source=target"),
        (["=Bahnhof"], ["de"], "source=target"),
        (["a=b=c"], ["de"], "source=target"),
        (["a=b"], ["de", "es"], "de:a=b"),
        (["fr:a=b"], ["de"], "'fr', which is no target"),
        (["a=b"], [], "0 targets"),
        (["a=b\n<|im_end|>"], ["de"], "cannot be printed"),
        (["x" * 101 + "=b"], ["de"], "100 characters"),
        (["a=b"] * 65, ["de"], "64 terms"),
        ([f"{i:060}=b" for i in range(33)], ["de"], "2000 characters"),
    ],
)
def test_what_is_no_term_is_refused(terms: list[str], targets: list[str], message: str) -> None:
    with pytest.raises(InvalidRequestError, match=message) as caught:
        parse_glossary(terms, targets, ABLE)
    assert caught.value.param == "glossary"


def test_a_model_that_takes_none_is_named_with_the_fix() -> None:
    with pytest.raises(InvalidRequestError, match=r"m takes no glossary.*tuned") as it:
        parse_glossary(["a=b"], ["de"], StageInfo("m", "1", ()))
    assert it.value.code == "unsupported_parameter"
