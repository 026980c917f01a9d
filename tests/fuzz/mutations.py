"""Bytes, changed as damage and malice change them; pure: the same seed gives the same bytes."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator

_NUMBERS = {1: (0, 1, 0x7F, 0xFF), 2: (0, 1, 0x7FFF, 0xFFFF), 4: (0, 1, 0x7FFFFFFF, 0xFFFFFFFF)}
EXTREMES = tuple(
    value.to_bytes(size, order)
    for size, values in _NUMBERS.items()
    for value in values
    for order in ("big", "little")
)
HEADER_BYTES = 256
"""Half of the changes fall here: behind it is mostly audio, which hurts nobody."""
CROPS = 8

Mutation = Callable[[bytearray, random.Random], None]


def crops(data: bytes) -> Iterator[bytes]:
    """Cut at every eighth, at either end."""
    for part in range(1, CROPS):
        at = len(data) * part // CROPS
        yield data[:at]
        yield data[at:]


def mutants(data: bytes, count: int, seed: str) -> Iterator[bytes]:
    """`count` variants, each with a few changes."""
    rng = random.Random(seed)
    for _ in range(count):
        yield mutant(data, rng)


def mutant(data: bytes, rng: random.Random) -> bytes:
    """One variant."""
    changed = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 4, 16))):
        rng.choice(_MUTATIONS)(changed, rng)
    return bytes(changed)


def _flip(data: bytearray, rng: random.Random) -> None:
    if data:
        data[_somewhere(data, rng)] ^= 1 << rng.randrange(8)


def _overwrite(data: bytearray, rng: random.Random) -> None:
    value = rng.choice(EXTREMES)
    at = _somewhere(data, rng)
    data[at : at + len(value)] = value


def _insert(data: bytearray, rng: random.Random) -> None:
    at = _somewhere(data, rng)
    data[at:at] = rng.randbytes(rng.randrange(1, 64))


def _delete(data: bytearray, rng: random.Random) -> None:
    at = _somewhere(data, rng)
    del data[at : at + rng.randrange(1, 64)]


def _repeat(data: bytearray, rng: random.Random) -> None:
    begin, to = _somewhere(data, rng), _somewhere(data, rng)
    data[to:to] = data[begin : begin + rng.randrange(1, 2_048)]


def _scramble(data: bytearray, rng: random.Random) -> None:
    at = _somewhere(data, rng)
    size = min(rng.randrange(1, 256), len(data) - at)
    data[at : at + size] = rng.randbytes(size)


def _somewhere(data: bytearray, rng: random.Random) -> int:
    end = min(len(data), HEADER_BYTES) if rng.random() < 0.5 else len(data)
    return rng.randrange(max(1, end))


_MUTATIONS: tuple[Mutation, ...] = (_flip, _overwrite, _insert, _delete, _repeat, _scramble)
