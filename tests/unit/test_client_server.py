"""A child process and all that it started are gone when it is stopped."""

import asyncio
import os
import signal

import pytest

from serve_app.client.processes import ProcessId, descendants
from serve_app.client.server import Child

pytestmark = pytest.mark.skipif(not os.path.isdir("/proc"), reason="reads /proc")  # noqa: PTH112

# The grandchild is in a session of its own, so that killing a process group does not reach it.
POLITE = "setsid sleep 60 >/dev/null & echo started; wait"
STUBBORN = f"trap '' INT; {POLITE}"


async def started(script: str) -> tuple[Child, set[ProcessId]]:
    process = await asyncio.create_subprocess_exec(
        "bash", "-c", script, stdout=asyncio.subprocess.PIPE, start_new_session=True
    )
    assert process.stdout is not None
    await process.stdout.readline()
    return Child(process), descendants(process.pid)


@pytest.fixture(autouse=True)
def short_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("serve_app.client.server.STOP_TIMEOUT_S", 0.3)
    monkeypatch.setattr("serve_app.client.server.FAMILY_TIMEOUT_S", 0.3)


@pytest.mark.parametrize("script", [POLITE, STUBBORN], ids=["polite", "stubborn"])
async def test_nothing_is_left_behind(script: str) -> None:
    child, family = await started(script)
    assert all(member.alive for member in family)
    await child.stop()
    assert child.ended
    await asyncio.sleep(0.05)
    assert not any(member.alive for member in family)


async def test_orphans_of_a_dead_child_are_ended_too() -> None:
    child, family = await started(POLITE)
    child.remember_family()
    child.process.send_signal(signal.SIGKILL)
    await child.process.wait()
    await child.stop()
    await asyncio.sleep(0.05)
    assert not any(member.alive for member in family)


def test_a_process_is_known_by_more_than_its_number() -> None:
    assert not ProcessId(os.getpid(), started_ticks=1).alive
