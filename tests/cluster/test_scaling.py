"""Replicas follow the load, and what is too much is turned away, while live streams go on."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from tests.cluster.conftest import free_port
from tests.cluster.oracle_server import oracle_server
from tests.support.oracle import speak
from tests.support.scrape import scrape
from tests.support.sockets import talk
from tests.support.traveller import Traveller

pytestmark = pytest.mark.cluster

FIRST, THEN = 3, 6
WORDS = 60
FOLLOW_S = 60.0
"""Not a measurement, which benchmarks/scaling.py makes: any machine gets there."""

ARGS = {
    "asr": {"oracle": {"delay_ms": 250}, "max_batch_size": 1},
    "admission": {"ramp_sessions": FIRST + THEN, "max_answer_s": 60, "retry_after_s": 7},
}
DEPLOYMENTS = {
    "Asr": {
        "ray_actor_options": {"num_cpus": 0.1},
        "autoscaling_config": {
            "min_replicas": 1,
            "max_replicas": 3,
            "metrics_interval_s": 1,
            "look_back_period_s": 3,
            "upscale_delay_s": 4,
            "policy": {"policy_function": "deployments.scaling:StagePolicy"},
        },
    }
}


def asr_replicas(metrics_port: int) -> float:
    """Each of them says which model it has loaded."""
    return scrape(metrics_port).total("ray_dragoman_model_info", stage="asr")


async def test_a_load_that_grows_gets_replicas_and_loses_nothing(short_directory: Path) -> None:
    metrics_port = free_port()
    with oracle_server(short_directory, metrics_port, args=ARGS, deployments=DEPLOYMENTS) as server:
        clients = [Traveller(server.url, speak(number, WORDS)) for number in range(FIRST + THEN)]
        travelling = [asyncio.create_task(client.travel()) for client in clients[:FIRST]]
        await asyncio.sleep(3)
        travelling += [asyncio.create_task(client.travel()) for client in clients[FIRST:]]
        await asyncio.sleep(1)
        # As many as may come in five seconds are here: the next one is told when to come back.
        async with talk(server.url) as late:
            await late.config(format="pcm_s16le")
            error = await late.until("error")
            assert (error["code"], error["retry_after_s"]) == ("overloaded", 7)
            assert await late.rest() == 1013
        deadline = time.monotonic() + FOLLOW_S
        while await asyncio.to_thread(asr_replicas, metrics_port) < 2:
            assert time.monotonic() < deadline, "no replica was added"
            await asyncio.sleep(0.5)
        await asyncio.gather(*travelling)
        turned_away = scrape(metrics_port).total("ray_dragoman_admission_rejected_total")
    assert turned_away == 1
    for client in clients:
        assert client.codes == [1000]
        assert client.exact, client.accounts
