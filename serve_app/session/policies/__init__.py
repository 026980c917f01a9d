"""When a word of a hypothesis is committed: one policy a file, chosen by name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from serve_app.session.audio import to_samples
from serve_app.session.policies.alignatt import AlignAtt
from serve_app.session.policies.base import CommitPolicy
from serve_app.session.policies.hybrid import Hybrid
from serve_app.session.policies.la2 import LocalAgreement
from serve_app.session.policies.utterance import WholeUtterance

PolicyName = Literal["la2", "alignatt", "hybrid", "utterance"]


@dataclass(frozen=True, slots=True)
class PolicyOptions:
    """Which policy, and the numbers of all of them."""

    name: PolicyName = "la2"
    edge_guard_ms: int = 160
    """A word that ends this close to the last audio heard may be half a word: agreement on it does
    not count. (la2, hybrid)"""
    attention_guard_ms: int = 320
    """A word is clear when the decoder, at its last token, looked at audio at least this far before
    the last audio heard. (alignatt, hybrid)"""
    sure_guard_ms: int = 480
    """A word that ends at least this far before the last audio heard may be committed at first
    sight, if it is probable enough. (la2)"""
    sure_probability: float = 1.0
    """More probable than this is probable enough; 1 keeps every word waiting. (la2)"""
    clear_probability: float = 0.5
    """A clear word that is no more probable than this waits for agreement. (hybrid)"""
    hold_back_words: int = 0
    """How many of a hypothesis' newest words wait, whatever speaks for them. (all)"""


def new_policy(options: PolicyOptions) -> CommitPolicy:
    """A policy for one utterance."""
    match options.name:
        case "la2":
            return _agreeing(
                LocalAgreement, options, options.sure_guard_ms, options.sure_probability
            )
        case "alignatt":
            return AlignAtt(to_samples(options.attention_guard_ms), options.hold_back_words)
        case "hybrid":
            return _agreeing(Hybrid, options, options.attention_guard_ms, options.clear_probability)
        case "utterance":
            return WholeUtterance()


def _agreeing(
    kind: type[LocalAgreement], options: PolicyOptions, sure_guard_ms: int, sure_probability: float
) -> LocalAgreement:
    return kind(
        to_samples(options.edge_guard_ms),
        sure_guard_samples=to_samples(sure_guard_ms),
        sure_probability=sure_probability,
        hold_back_words=options.hold_back_words,
    )
