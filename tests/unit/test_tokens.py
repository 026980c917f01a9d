"""Tokens of one kind are no tokens of another, and each says how long it lasts."""

from __future__ import annotations

import pytest

from serve_app.tokens import RESUME, TokenError, TokenExpiredError, TokenKind, TokenSigner

OTHER = TokenKind("x1", "other_secret", "Ask for another.")


def test_a_token_of_one_kind_is_none_of_another() -> None:
    resume, other = TokenSigner(["key"], 60), TokenSigner(["key"], 60, kind=OTHER)
    token = resume.sign({"a": 1})
    assert resume.verify(token)["a"] == 1
    relabelled = OTHER.mark + token.removeprefix(RESUME.mark)
    for foreign in (token, relabelled):
        with pytest.raises(TokenError, match=r"The other secret was not signed.*Ask for another"):
            other.verify(foreign)


def test_a_token_may_last_shorter_than_the_signers_others() -> None:
    now = 1_000.0
    signer = TokenSigner(["key"], 60, clock=lambda: now, kind=OTHER)
    token = signer.sign({}, ttl_s=10)
    now += 10
    assert signer.verify(token) == {"exp": 1_010}
    now += 5
    with pytest.raises(TokenExpiredError, match="The other secret expired 5 s ago") as caught:
        signer.verify(token)
    assert (caught.value.code, caught.value.param) == ("expired_other_secret", "other_secret")
