"""docs/quality.md from the reports of benchmarks/quality.py; no figure is typed by hand."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from benchmarks.plot import Level, Point, scatter
from benchmarks.quality_rows import ALL

Report = Mapping[str, Any]
"""As JSON holds it."""

TITLES = {
    "in-process": "On a simulated clock",
    "live": "Against a server, in real time",
}
EXPLANATIONS = {
    "in-process": (
        "The real engines and one session in one process. Audio comes in at the pace it was "
        "spoken, a stage serves one batch at a time, and a batch takes {costs}. So these lags are "
        "those of a machine with a free core for each stage, without network and server."
    ),
    "live": (
        "Streams to a server at the pace they were spoken, {together} at a time, over HTTP, server "
        "and sender on the same machine. Lags are counted from the schedule of the audio; the "
        "sender was {late} ms late at most (p99)."
    ),
}
HEAD = """# Quality and lag

What Dragoman makes of speech, how long after it was spoken, and what it makes of sound without
words. This page is written by `python -m benchmarks.quality render`; each part names the machine,
the commit and the command behind its figures.

The speech is held out: sentences of the phrasebook that the bundled models were not trained on, by
synthetic voices that they were not trained on, with pauses of 0.7 to 1.5 s. `clean` has the noise
floor of a quiet room; `white` and `babble` have noise 10 dB under the speech, which goes on through
the pauses, where words of the people in the background may be heard and count as errors. The
bundled models know this phrasebook and nothing else: compare settings by these figures, not
Dragoman with anything else.

- **WER**: words wrong, missing or too many, in percent of the words spoken (jiwer; case and
  punctuation do not count).
- **offline**: the same models on whole sentences, cut at their true bounds, with beam search;
  **more**: live minus offline WER, in points.
- **lag**: from the true end of a word in the audio to the event that commits it (p50 / p95).
- **first text**: from the true onset of a sentence to the first text shown, for sentences that
  begin an utterance (p50 / p95).
- **erasure**: words shown and then taken back, for each word of the final text (normalised erasure,
  [Arivazhagan et al. 2020](https://arxiv.org/abs/2004.03643)).
- **taken back**: commits that changed committed text.
- **chrF**: of all translations against the phrasebook's own (sacrebleu).
- **translation**: from the event that completes a source segment to its translation (p50 / p95).
"""

_Column = tuple[str, Callable[[Mapping[str, Any]], str]]


def page(reports: Sequence[Report]) -> str:
    """The whole page."""
    return "\n".join([HEAD, *(_part(report) for report in reports)])


def plots(report: Report) -> dict[str, str]:
    """The text of an SVG file for each condition, by the name of the file."""
    return {
        _plot_name(report, condition): scatter(
            _points(rows),
            Level("offline", rows[0]["wer_offline_percent"]),
            "lag of a committed word, p50 to p95 (s)",
            f"live WER, {condition} (%)",
        )
        for condition, rows in _by_condition(report).items()
    }


def _points(rows: Sequence[Mapping[str, Any]]) -> list[Point]:
    return [
        Point(
            name=row["setting"],
            x=row["lag_p50_ms"] / 1000,
            x_far=row["lag_p95_ms"] / 1000,
            y=row["wer_live_percent"],
        )
        for row in rows
        if row["lag_p50_ms"] is not None
    ]


def _by_condition(report: Report) -> dict[str, list[Mapping[str, Any]]]:
    """The rows of all languages together, a row for each setting."""
    conditions: dict[str, list[Mapping[str, Any]]] = {}
    for row in report["rows"]:
        if row["language"] == ALL and row["condition"] != ALL:
            conditions.setdefault(row["condition"], []).append(row)
    return conditions


def _plot_name(report: Report, condition: str) -> str:
    return f"quality-{report['run']}-{condition}.svg"


def _part(report: Report) -> str:
    run = report["run"]
    rows = report["rows"]
    conditions = _by_condition(report)
    pooled = [row for row in rows if row["language"] == row["condition"] == ALL]
    languages = [row for row in rows if row["language"] != ALL and row["condition"] == ALL]
    parts = [
        f"## {TITLES[run]}\n",
        _explanation(report) + "\n",
        *(f"![Lag against WER, {name}]({_plot_name(report, name)})\n" for name in conditions),
        *(_table(_COLUMNS, measured) for measured in conditions.values()),
        "All conditions together, all languages and each:\n",
        _table(_COLUMNS, pooled),
        _table(_COLUMNS, languages),
    ]
    if report["wordless"]:
        parts += ["Sound without words:\n", _table(_WORDLESS_COLUMNS, report["wordless"])]
    return "\n".join([*parts, _origin(report)])


def _explanation(report: Report) -> str:
    costs = "the CPU time that it took on the machine below"
    if report["costs_ms"]:
        vad_ms, asr_ms, mt_ms = report["costs_ms"]
        costs = f"{vad_ms:g} ms (VAD), {asr_ms:g} ms (ASR) or {mt_ms:g} ms (MT)"
    return EXPLANATIONS[report["run"]].format(
        costs=costs,
        together=report.get("together", 1),
        late=report.get("sender_lateness_p99_ms", 0),
    )


def _origin(report: Report) -> str:
    packages = ", ".join(f"{name} {number}" for name, number in report["packages"].items())
    return (
        f"{report['sentences_per_language']} sentences a language, seed {report['seed']}; "
        f"{report['cores']} cores of {report['processor']}, load {report['load_1_min']} at the "
        f"end, Python {report['python']}, {packages}; "
        f"commit {report['commit']}, {report['measured_at']}:\n\n"
        f"    {' '.join(report['command'])}\n"
    )


def _table(columns: Sequence[_Column], rows: Sequence[Mapping[str, Any]]) -> str:
    lines = [
        "| " + " | ".join(title for title, _ in columns) + " |",
        "|" + "---|" * len(columns),
        *("| " + " | ".join(cell(row) for _, cell in columns) + " |" for row in rows),
    ]
    return "\n".join(lines) + "\n"


def _plain(key: str) -> Callable[[Mapping[str, Any]], str]:
    return lambda row: str(row[key])


def _number(key: str, digits: int, unit: str = "") -> Callable[[Mapping[str, Any]], str]:
    return lambda row: "-" if row[key] is None else f"{row[key]:,.{digits}f}{unit}"


def _range_ms(begin: str) -> Callable[[Mapping[str, Any]], str]:
    middle, far = _number(f"{begin}_p50_ms", 0), _number(f"{begin}_p95_ms", 0)
    return lambda row: f"{middle(row)} / {far(row)} ms"


_COLUMNS: tuple[_Column, ...] = (
    ("setting", _plain("setting")),
    ("language", _plain("language")),
    ("condition", _plain("condition")),
    ("WER", _number("wer_live_percent", 1, " %")),
    ("offline", _number("wer_offline_percent", 1, " %")),
    ("more", lambda row: f"{row['wer_live_percent'] - row['wer_offline_percent']:+.1f}"),
    ("lag", _range_ms("lag")),
    ("first text", _range_ms("first_text")),
    ("erasure", _number("erasure", 2)),
    ("taken back", _number("taken_back", 0)),
    ("chrF", _number("chrf_live", 1)),
    ("offline", _number("chrf_offline", 1)),
    ("translation", _range_ms("translation_lag")),
)
_WORDLESS_COLUMNS: tuple[_Column, ...] = (
    ("setting", _plain("setting")),
    ("sound", _plain("kind")),
    ("minutes", lambda row: f"{row['minutes']:g}"),
    ("committed characters a minute", _number("characters_per_minute", 1)),
    ("partials a minute", _number("partials_per_minute", 1)),
)
