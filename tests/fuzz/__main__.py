"""Fuzzing for as long as one likes: `python -m tests.fuzz --seconds 600 [TARGET...]`.

Targets are the parsers in `targets.py`, by atheris, which learns from the code that an input
reaches; `audio`, by mutation of the corpus; and `sockets`, the clients of `clients.py`. They share
the time. What breaks something is kept in `crashers/TARGET/`; mend it and commit it.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.fuzz.audio import FILES, told
from tests.fuzz.clients import run_clients
from tests.fuzz.driver import CRASHERS, seeds
from tests.fuzz.mutations import mutant
from tests.fuzz.targets import TARGETS

AUDIO, SOCKETS = "audio", "sockets"
EXAMPLES, STEPS = 5, 40
AT_A_TIME = 4


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("targets", nargs="*", choices=[[], *TARGETS, AUDIO, SOCKETS])
    asked = parser.parse_args()
    names = asked.targets or [*TARGETS, AUDIO, SOCKETS]
    each_s = asked.seconds / len(names)
    seed = random.randrange(2**32) if asked.seed is None else asked.seed
    print(f"seed {seed}, {each_s:.0f} s each", flush=True)
    broken = [name for name in names if not fuzz(name, each_s, seed)]
    print(f"broken: {', '.join(broken)}" if broken else "nothing broke")
    return 1 if broken else 0


def fuzz(name: str, seconds: float, seed: int) -> bool:
    """Whether nothing broke."""
    if name == AUDIO:
        return asyncio.run(_audio(seconds, seed))
    if name == SOCKETS:
        return _sockets(seconds)
    found = CRASHERS / name
    found.mkdir(parents=True, exist_ok=True)
    # A process for each: libFuzzer ends the one that it runs in.
    command = [sys.executable, "-m", "tests.fuzz.learn", name]
    with tempfile.TemporaryDirectory() as directory:
        for index, data in enumerate(seeds(name)):
            (Path(directory) / str(index)).write_bytes(data)
        ended = subprocess.run(
            [*command, f"-max_total_time={int(seconds)}", f"-seed={seed % 2**31}", "-max_len=4096",
             "-verbosity=0", "-print_final_stats=1", f"-artifact_prefix={found}/", directory],
            check=False,
        )  # fmt: skip
    if not any(found.iterdir()):
        found.rmdir()
    return ended.returncode == 0


async def _audio(seconds: float, seed: int) -> bool:
    end, rng, broken = time.monotonic() + seconds, random.Random(seed), 0
    count = 0

    async def worker() -> None:
        nonlocal broken, count
        while time.monotonic() < end:
            data = mutant(rng.choice(FILES).read_bytes(), rng)
            try:
                await told(data)
            except Exception as error:
                broken += 1
                keep(AUDIO, data)
                print(f"{AUDIO}: {error!r}", flush=True)
            count += 1

    await asyncio.gather(*(worker() for _ in range(AT_A_TIME)))
    print(f"{AUDIO}: {count} files, {broken} of them broke something", flush=True)
    return broken == 0


def _sockets(seconds: float) -> bool:
    end, runs = time.monotonic() + seconds, 0
    try:
        while time.monotonic() < end:
            run_clients(EXAMPLES, STEPS, derandomize=False)
            runs += 1
    except Exception as error:
        print(f"{SOCKETS}: {error!r}", flush=True)
        return False
    print(f"{SOCKETS}: {runs * EXAMPLES} lots of clients", flush=True)
    return True


def keep(name: str, data: bytes) -> None:
    directory = CRASHERS / name
    directory.mkdir(parents=True, exist_ok=True)
    (directory / f"crash-{hashlib.sha256(data).hexdigest()[:16]}").write_bytes(data)


if __name__ == "__main__":
    sys.exit(main())
