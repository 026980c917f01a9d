"""What the soak samples, and what it calls a breach."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from dataclasses import replace

import pytest

from benchmarks.churn import Tally
from benchmarks.processes import Held, family, held, name_of, process_called, usage
from benchmarks.soak import Moment, judge
from benchmarks.trends import trend
from tests.support.oracle import speak
from tests.support.traveller import Traveller

INGRESS = (7, "Ingress")


def moments(
    minutes: int = 20, *, mb: float = 0.0, handles: float = 0.0, lag_ms: float = 0.0
) -> list[Moment]:
    """Six a minute; what is named grows by so much a minute."""
    return [
        Moment(
            at,
            {INGRESS: Held(100 + mb * at, 30, round(50 + handles * at))},
            20,
            500 + lag_ms * at,
            900 + lag_ms * at,
        )
        for at in (index / 6 for index in range(6 * minutes))
    ]


def test_a_slope_is_not_moved_by_a_few_outliers() -> None:
    minutes = [index / 6 for index in range(60)]
    values = [100 + 0.5 * at for at in minutes]
    values[7] = values[31] = 900
    found = trend(minutes, values)
    assert found.per_minute == pytest.approx(0.5, rel=0.02)
    assert found.most == 900
    assert found.growth == pytest.approx(0.5 * 7.5, rel=0.05)
    with pytest.raises(ValueError, match="too few"):
        trend([0, 1, 2], [1, 2, 3])


@pytest.mark.parametrize(
    ("run", "said"),
    [
        (moments(), ()),
        (moments(mb=0.99), ()),
        (moments(mb=1.01), ("Ingress (7) grows by 1.01 MB a minute (bar 1)",)),
        (
            moments(mb=10),
            (
                "Ingress (7) grows by 10.00 MB a minute (bar 1)",
                "all processes grew by 113 MB (bar 100)",
            ),
        ),
        (
            moments(handles=2),
            ("Ingress (7) has 22 more handles than after the warm-up (bar 8)",),
        ),
    ],
)
def test_what_grows_is_a_breach(run: list[Moment], said: tuple[str, ...]) -> None:
    assert judge(run, Tally(), warm_minutes=5).breaches == said


def test_lag_is_told() -> None:
    verdict = judge(moments(lag_ms=40), Tally(), warm_minutes=5)
    assert verdict.lag_p50_ms.per_minute == pytest.approx(40)
    assert verdict.lag_p95_ms.growth == pytest.approx(450, rel=0.02)


def test_growth_during_the_warm_up_does_not_count() -> None:
    run = [
        replace(one, held={INGRESS: Held(min(500.0, 50 * one.at_minutes), 30, 50)})
        for one in moments()
    ]
    assert judge(run, Tally(), warm_minutes=10).breaches == ()
    said = judge(run, Tally(), warm_minutes=0).breaches
    assert said[-1] == "all processes grew by 379 MB (bar 100)"


def test_a_process_that_ends_is_a_breach() -> None:
    run = moments()
    other = {**run[0].held, (8, "Asr"): Held(200, 10, 10)}
    run = [replace(one, held=other) if one.at_minutes < 10 else one for one in run]
    (breach,) = judge(run, Tally(), warm_minutes=5).breaches
    assert breach == "processes ended or were started after the warm-up"


def test_words_are_accounted_for() -> None:
    stream = speak(3, 4)
    words = [word.text for word in stream.words]
    traveller = Traveller("http://nowhere", stream, codes=[1006, 1000])
    traveller.told = [
        committed("u.1", words[0], closed=True),
        committed("u.2", f"{words[2]} {words[2]}", closed=True),
    ]
    tally = Tally()
    tally.enter(traveller)
    # Two words said and never told, four never translated; one told twice.
    assert dict(tally.faults) == {"lost": 2 + 4, "doubled": 1}
    assert (tally.finished, tally.words, tally.reconnects) == (1, 4, 1)
    assert judge(moments(), tally, 5).breaches == ("1 words doubled", "6 words lost")
    left = Tally()
    left.enter_left(traveller)
    assert dict(left.faults) == {"doubled": 1}


def committed(segment: str, text: str, *, closed: bool) -> dict[str, object]:
    return {
        "type": "transcript.committed",
        "segment_id": segment,
        "text": text,
        "closed": closed,
        "words": [],
    }


def test_what_a_process_holds_is_read_of_it() -> None:
    before = held(os.getpid())
    assert before is not None
    files = [socket.socket() for _ in range(5)]
    block = b"x" * (32 << 20)
    after = held(os.getpid())
    assert after is not None
    assert after.handles - before.handles == 5
    assert 30 < after.memory_mb - before.memory_mb < 40
    assert before.threads >= 1
    assert usage(os.getpid()).memory_mb > 32
    for file in files:
        file.close()
    del block


def test_descendants_are_found_by_name() -> None:
    command = [sys.executable, "-c", "import sys; sys.stdin.read()", "soaked.py"]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as child:
        assert family()[child.pid] == "soaked"
        assert process_called("soaked") == child.pid
        assert child.stdin is not None
        child.stdin.close()
    assert held(child.pid) is None
    with pytest.raises(RuntimeError, match="no process is called soaked"):
        process_called("soaked")


@pytest.mark.parametrize(
    ("command", "name"),
    [
        ("ray::ServeReplica:dragoman:Ingress", "Ingress"),
        ("ray::ServeReplica:dragoman:Asr.handle_request", "Asr"),
        ("ray::ProxyActor", "ProxyActor"),
        ("ray::ServeController.listen_for_change", "ServeController"),
        ("ray::IDLE", "IDLE"),
        ("/usr/bin/python -u /ray/dashboard/dashboard.py --host=127.0.0.1", "dashboard"),
        ("/usr/bin/python -m serve_app.client.cli serve x.yaml", "serve_app.client.cli"),
        ("/ray/core/src/ray/raylet/raylet --worker_command=setup_worker.py", "raylet"),
    ],
)
def test_processes_are_called_what_people_call_them(command: str, name: str) -> None:
    assert name_of(command) == name
