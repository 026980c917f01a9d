"""Where Ray would put the replicas: whole GPUs, or fractions that share one.

A fraction lies on a single GPU, the fullest that has room; what needs more than one gets whole
GPUs of one pod.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from serve_app.plan.types import UNIT, GpuUse, Pods, PodUse, Stage, units


@dataclass(frozen=True, slots=True)
class Placement:
    """Pods with replicas on them, and how many of which stage found no place."""

    used: tuple[PodUse, ...]
    unplaced: Counter[str]


def place(stages: Sequence[Stage], pods: Pods) -> Placement:
    """Put `max_replicas` of each stage on the pods, those that are hard to place first."""
    cpus = None if pods.cpus is None else units(pods.cpus)
    used = [PodUse(cpus, [GpuUse() for _ in range(pods.gpus)]) for _ in range(pods.count)]
    unplaced: Counter[str] = Counter()
    demanding = sorted(stages, key=lambda s: (s.options.gpus, s.options.cpus), reverse=True)
    for stage in demanding:
        for _ in range(stage.options.max_replicas):
            if not _put(stage, used):
                unplaced[stage.name] += 1
    return Placement(tuple(used), unplaced)


def _put(stage: Stage, pods: Sequence[PodUse]) -> bool:
    """Put one replica on the pod that it leaves least of; False where none has room."""
    cpus = units(stage.options.cpus)
    choices = [
        (sum(gpu.free for gpu in pod.gpus), pod.free_cpus or 0, index)
        for index, pod in enumerate(pods)
        if (pod.free_cpus is None or pod.free_cpus >= cpus) and _gpus_for(stage, pod) is not None
    ]
    if not choices:
        return False
    pod = pods[min(choices)[-1]]
    if pod.free_cpus is not None:
        pod.free_cpus -= cpus
    pod.stages.append(stage)
    share = min(units(stage.options.gpus), UNIT)
    for gpu in _gpus_for(stage, pod) or ():
        gpu.free -= share
        gpu.stages.append(stage)
    return True


def _gpus_for(stage: Stage, pod: PodUse) -> list[GpuUse] | None:
    """The GPUs of a pod that one replica would get; None where there is no room."""
    wanted = units(stage.options.gpus)
    count = max(1, wanted // UNIT) if wanted else 0
    share = min(wanted, UNIT)
    with_room = sorted((gpu for gpu in pod.gpus if gpu.free >= share), key=lambda gpu: gpu.free)
    return with_room[:count] if len(with_room) >= count else None
