"""How well an exported translator translates sentences it never saw, run as it is served."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import quantiles

import ctranslate2
from sacrebleu.metrics.chrf import CHRF

from models import phrasebook
from models.training.mt_data import DIRECTIONS, Examples, held_out_sentences, vocabularies
from models.training.mt_tokens import END, Pair, Tokens
from serve_app.session.append import Append, Source

_MAX_TOKENS = 200
_VOCABULARY_SENTENCES = 30_000


@dataclass(frozen=True, slots=True)
class Figures:
    """One direction, or one condition, on held-out sentences."""

    sentences: int
    chrf: float
    exact_rate: float
    untranslated: int


@dataclass(frozen=True, slots=True)
class LiveFigures:
    """Sentences translated in append mode, with a draft for each source word."""

    chrf: float
    """Of what was told in the end; to be compared with the same sentences translated at once."""
    chrf_at_once: float
    exact_rate: float
    early_share: float
    """Characters told before the sentence closed."""


@dataclass(frozen=True, slots=True)
class Report:
    """Everything measured on one exported model."""

    directions: dict[str, Figures]
    conditions: dict[str, Figures]
    live: LiveFigures
    prefix_rate: float
    latency_p50_ms: float
    latency_p95_ms: float
    tokens_per_s: float

    def as_json(self) -> dict[str, object]:
        """The report as plain values."""
        return asdict(self)

    def table(self) -> str:
        """The report for a reader."""
        lines = [f"{'':16} {'n':>5} {'chrF':>7} {'exact':>7} {'untranslated':>12}"]
        for name, row in (self.directions | self.conditions).items():
            lines.append(
                f"{name:16} {row.sentences:5} {row.chrf:7.2f} {row.exact_rate:7.1%}"
                f" {row.untranslated:12}"
            )
        lines.append(
            f"word by word: chrF {self.live.chrf:.2f} (at once {self.live.chrf_at_once:.2f}),"
            f" exact {self.live.exact_rate:.1%}, told early {self.live.early_share:.1%}"
        )
        lines.append(f"right after a forced prefix: {self.prefix_rate:.1%}")
        lines.append(
            f"one sentence on one thread: p50 {self.latency_p50_ms:.1f} ms,"
            f" p95 {self.latency_p95_ms:.1f} ms, {self.tokens_per_s:.0f} tokens/s"
        )
        return "\n".join(lines)


class Translator:
    """An exported model in CTranslate2, on one thread."""

    def __init__(self, directory: Path, *, marks_open: bool = True) -> None:
        self._marks_open = marks_open
        self.tokens = Tokens(directory / "tokenizer.json")
        self._generator = ctranslate2.Generator(str(directory), device="cpu", intra_threads=1)

    def translate(self, pairs: Sequence[Pair], prefixes: Sequence[str] = ()) -> list[str]:
        """Translations by greedy search; each goes on from its prefix, if there are any."""
        return [self.tokens.decode(tokens) for tokens in self._generate(pairs, prefixes)]

    def drafts(self, pairs: Sequence[Pair], prefixes: Sequence[str]) -> list[str]:
        """The prefixes with what goes on from them."""
        forced = [self.tokens.text(prefix) for prefix in prefixes]
        added = self._generate(pairs, prefixes)
        return [self.tokens.decode([*a, *b]) for a, b in zip(forced, added, strict=True)]

    def _generate(self, pairs: Sequence[Pair], prefixes: Sequence[str]) -> list[list[str]]:
        forced = prefixes or [""] * len(pairs)
        told = [replace(pair, open=pair.open and self._marks_open) for pair in pairs]
        prompts = [self.tokens.prompt(p, prefix) for p, prefix in zip(told, forced, strict=True)]
        results = self._generator.generate_batch(
            prompts,
            max_batch_size=32,
            max_length=_MAX_TOKENS,
            sampling_topk=1,
            include_prompt_in_result=False,
            end_token=END,
        )
        return [result.sequences[0] for result in results]


class _Talk:
    """One sentence as it is spoken and translated in append mode."""

    def __init__(self, pair: Pair) -> None:
        self.pair = pair
        self.committed = ""
        self.words = len(pair.source.split(" "))
        self._policy = Append(pair.target_language)

    def cut(self, count: int) -> Pair:
        """The sentence after its first words."""
        heard = " ".join(self.pair.source.split(" ")[:count])
        return replace(self.pair, source=heard, target="", open=True)

    def take(self, heard: Pair, draft: str) -> None:
        """A draft of what was heard."""
        source = Source(heard.source, heard.source_language)
        self.committed += self._policy.update(source, self.committed, draft).added


def _chrf(outputs: Sequence[str], references: Sequence[str]) -> float:
    return round(float(CHRF().corpus_score(outputs, [references]).score), 2)


class Evaluation:
    """Held-out sentences and what to ask about them."""

    def __init__(self, sentences: int, seed: int) -> None:
        self._sentences = held_out_sentences(sentences, seed)
        self._known = vocabularies(_VOCABULARY_SENTENCES, seed)

    def directions(self, translator: Translator) -> dict[str, Figures]:
        """Figures of every direction."""
        return {
            f"{source}-{target}": self._figures(translator, self._pairs(source, target))
            for source, target in DIRECTIONS
        }

    def report(self, translator: Translator) -> Report:
        """All figures."""
        latencies_s, tokens = self._latencies(translator)
        cuts = quantiles(latencies_s, n=20)
        return Report(
            directions=self.directions(translator),
            conditions={
                "two sentences": self._figures(translator, self._mixed(joined=True)),
                "with one slip": self._figures(translator, self._misheard()),
                "unfinished": self._figures(translator, self._unfinished()),
            },
            live=self.live(translator),
            prefix_rate=self._prefix_rate(translator),
            latency_p50_ms=round(cuts[9] * 1_000, 2),
            latency_p95_ms=round(cuts[18] * 1_000, 2),
            tokens_per_s=round(tokens / sum(latencies_s)),
        )

    def live(self, translator: Translator) -> LiveFigures:
        """Every sentence once as it is served in append mode, one source word after the other."""
        talks = [_Talk(pair) for pair in self._mixed()]
        for count in range(1, max(talk.words for talk in talks)):
            heard = [talk for talk in talks if talk.words > count]
            cut = [talk.cut(count) for talk in heard]
            drafts = translator.drafts(cut, [talk.committed for talk in heard])
            for talk, pair, draft in zip(heard, cut, drafts, strict=True):
                talk.take(pair, draft)
        pairs = [talk.pair for talk in talks]
        told = translator.drafts(pairs, [talk.committed for talk in talks])
        references = [pair.target for pair in pairs]
        at_once = translator.translate(pairs)
        early = sum(len(talk.committed) for talk in talks)
        return LiveFigures(
            chrf=_chrf(told, references),
            chrf_at_once=_chrf(at_once, references),
            exact_rate=round(sum(map(str.__eq__, told, references)) / len(pairs), 4),
            early_share=round(early / sum(map(len, told)), 4),
        )

    def _unfinished(self) -> list[Pair]:
        examples = Examples(self._known)
        rng = random.Random("unfinished")
        return [examples.unfinished(rng, held_out=True) for _ in self._sentences]

    def _pairs(self, source: str, target: str) -> list[Pair]:
        return [Pair(s.text(source), s.text(target), source, target) for s in self._sentences]

    def _mixed(self, joined: bool = False) -> list[Pair]:
        """Every sentence once, the directions in turn."""
        pairs = []
        for i, first in enumerate(self._sentences):
            source, target = DIRECTIONS[i % len(DIRECTIONS)]
            chosen = (first, self._sentences[i - 1]) if joined else (first,)
            texts = [" ".join(s.text(lang) for s in chosen) for lang in (source, target)]
            pairs.append(Pair(texts[0], texts[1], source, target))
        return pairs

    def _misheard(self) -> list[Pair]:
        examples = Examples(self._known)
        rng = random.Random("misheard")
        return [examples.misheard(pair, 1, rng) for pair in self._mixed()]

    def _figures(self, translator: Translator, pairs: Sequence[Pair]) -> Figures:
        outputs = translator.translate(pairs)
        references = [pair.target for pair in pairs]
        exact = sum(map(str.__eq__, outputs, references))
        return Figures(
            sentences=len(pairs),
            chrf=_chrf(outputs, references),
            exact_rate=round(exact / len(pairs), 4),
            untranslated=sum(map(self._is_untranslated, pairs, outputs)),
        )

    def _is_untranslated(self, pair: Pair, output: str) -> bool:
        """Nothing, the source itself, or mostly words that only the source's language has."""
        if output == pair.target:
            return False
        words = phrasebook.words(output)
        foreign = self._known[pair.source_language] - self._known[pair.target_language]
        return (
            not words
            or words == phrasebook.words(pair.source)
            or 2 * sum(word in foreign for word in words) > len(words)
        )

    def _prefix_rate(self, translator: Translator) -> float:
        """How often the second half comes out right after the first half was given."""
        pairs = self._mixed()
        halves = []
        for pair in pairs:
            words = pair.target.split(" ")
            half = (len(words) + 1) // 2
            halves.append((" ".join(words[:half]), " ".join(words[half:])))
        outputs = translator.translate(pairs, [first for first, _ in halves])
        right = sum(output == rest for output, (_, rest) in zip(outputs, halves, strict=True))
        return round(right / len(pairs), 4)

    def _latencies(self, translator: Translator) -> tuple[list[float], int]:
        pairs = self._mixed()
        translator.translate(pairs[:5])
        taken_s: list[float] = []
        tokens = 0
        for pair in pairs:
            began_s = time.perf_counter()
            (output,) = translator.translate([pair])
            taken_s.append(time.perf_counter() - began_s)
            tokens += len(translator.tokens.text(output)) + 1
        return taken_s, tokens
