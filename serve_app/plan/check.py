"""What does not fit, with the arithmetic and what to change; Ray would wait for it in silence."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Iterator, Sequence

from deployments.gpus import BFLOAT16_CAPABILITY, GPUS
from serve_app.plan.placement import Placement, place
from serve_app.plan.types import UNIT, Part, Plan, Pods, Problem, Stage, cores, gib, units


def check(stages: Sequence[Stage], pods: Pods) -> Plan:
    """All problems: those of the stages alone, or else those of their replicas together."""
    alone = [problem for stage in stages for problem in _alone(stage, pods)]
    alone = [*_slices(pods), *alone]
    if alone:
        return Plan(pods, tuple(stages), tuple(alone), ())
    placement = place(stages, pods)
    together = (*_sharing(stages, pods), *_placing(stages, placement, pods))
    return Plan(pods, tuple(stages), together, placement.used)


def _slices(pods: Pods) -> Iterator[Problem]:
    """Slices that the GPU cannot be cut into."""
    if pods.mig is None:
        return
    known = next((gpu.mig for name, gpu in GPUS.items() if name == pods.gpu_name), {})
    if pods.mig not in known:
        yield Problem(
            f"pods.mig={pods.mig}",
            f"a {pods.gpu_name} is cut into {', '.join(known) or 'no slices at all'}",
            "Choose one of its profiles, another GPU, or no MIG.",
        )


def _alone(stage: Stage, pods: Pods) -> Iterator[Problem]:
    """What is wrong with one stage, whatever else runs."""
    if problem := _device(stage, pods) or _whole_gpus(stage, pods) or _format(stage, pods):
        yield problem
        return
    if stage.on_gpu and not stage.parts:
        yield Problem(
            f"What {stage.model} needs of a GPU is not known",
            f"neither a manifest nor Dragoman says it for compute_type {stage.compute_type}",
            f"State {stage.section}.memory: {{weights_bytes: ..., stream_bytes: ...}} "
            "(docs/gpu.md tells how to find them).",
        )
    if stage.on_gpu and stage.bytes > pods.gpu_memory_bytes:
        yield Problem(
            f"One replica of {stage.name} with {stage.model} is larger than the GPU",
            f"{added(stage.parts)} > {gib(pods.gpu_memory_bytes)}",
            _smaller(stage) + " or take a GPU with more memory.",
        )
    if stage.reserved and (needed := sum(part.bytes for part in stage.reserved)) > (
        reserved := stage.parts[0].bytes
    ):
        share = math.ceil(needed / pods.gpu_memory_bytes * 100) / 100
        yield Problem(
            f"{stage.name} reserves too little for {stage.model}",
            f"{added(stage.reserved)} > {gib(reserved)} ({stage.parts[0].name})",
            f"Set {stage.section}.vllm.gpu_memory_utilization to at least {share:.2f}, shorten "
            f"{stage.section}.vllm.max_model_len, or choose a smaller model.",
        )


def _device(stage: Stage, pods: Pods) -> Problem | None:
    """A device without its GPU, or a GPU without its device."""
    gpus = stage.options.gpus
    setting = f"{stage.section}.device" if stage.section else "its device"
    if stage.on_gpu and not gpus:
        return Problem(
            f"{stage.name} gets no GPU",
            f"{setting} is cuda and its num_gpus is 0",
            f"Give {stage.name} ray_actor_options.num_gpus, or set {setting} to cpu.",
        )
    if gpus and not stage.on_gpu:
        return Problem(
            f"{stage.name} holds a GPU that it does not use",
            f"{setting} is cpu and its num_gpus is {gpus:g}",
            f"Remove num_gpus, or set {setting} to cuda.",
        )
    if gpus and not pods.gpus:
        return Problem(
            f"{stage.name} can never be placed",
            f"it asks for {gpus:g} GPU and pods.gpus is 0",
            "State the GPUs of a pod (pods.gpus, and pods.gpu or pods.gpu_memory_bytes).",
        )
    return None


def _whole_gpus(stage: Stage, pods: Pods) -> Problem | None:
    """Shares that Ray does not give, and engines that span another number of GPUs than they get."""
    gpus = stage.options.gpus
    if gpus > 1 and units(gpus) % UNIT:
        return Problem(
            f"{stage.name} asks for a share that Ray does not give",
            f"num_gpus is {gpus:g}, and above 1 it must be whole",
            f"Set it to {math.floor(gpus)} or {math.ceil(gpus)}, or to 1 at most.",
        )
    if gpus > pods.gpus:
        return Problem(
            f"{stage.name} can never be placed",
            f"a replica needs {gpus:g} GPUs of one pod, and a pod has {pods.gpus}",
            "Use pods with more GPUs, or fewer GPUs for a replica.",
        )
    wide = stage.tensor_parallel
    if wide > 1 and pods.mig:
        return Problem(
            f"{stage.name} cannot span MIG slices",
            f"tensor_parallel_size is {wide}, and a process sees one slice",
            "Use whole GPUs, or tensor_parallel_size 1.",
        )
    if stage.on_gpu and wide != max(1, math.ceil(gpus)):
        return Problem(
            f"{stage.name} spans another number of GPUs than it gets",
            f"tensor_parallel_size is {wide} and num_gpus is {gpus:g}",
            f"Set num_gpus of {stage.name} to {wide}, or tensor_parallel_size to "
            f"{max(1, math.ceil(gpus))}.",
        )
    return None


def _format(stage: Stage, pods: Pods) -> Problem | None:
    """Number formats that the GPU does not have."""
    capability = pods.capability
    if not stage.on_gpu or capability is None or capability >= BFLOAT16_CAPABILITY:
        return None
    if "bfloat16" not in stage.compute_type:
        return None
    return Problem(
        f"A {pods.gpu_name} does not compute in {stage.compute_type}",
        f"it has compute capability {capability:g}, and bfloat16 needs {BFLOAT16_CAPABILITY:g}",
        f"Set {stage.section}.{'vllm.dtype' if stage.reserved else 'compute_type'} to "
        f"{stage.compute_type.replace('bfloat16', 'float16')}.",
    )


def _sharing(stages: Sequence[Stage], pods: Pods) -> Iterator[Problem]:
    """Replicas that may share a GPU by their fractions, and do not by their bytes."""
    sharing = [stage for stage in stages if stage.on_gpu and stage.options.gpus <= 1]
    heaviest = max(_combinations(sharing, pods), key=_bytes, default=())
    if _bytes(heaviest) <= pods.gpu_memory_bytes:
        return
    shares = " + ".join(f"{stage.name} {stage.options.gpus:g}" for stage in heaviest)
    yield Problem(
        "Replicas that Ray may put on one GPU need more memory than it has",
        f"{shares} = {sum(stage.options.gpus for stage in heaviest):g} of a GPU; "
        f"{' + '.join(f'{stage.name} {gib(stage.bytes)}' for stage in heaviest)} "
        f"= {gib(_bytes(heaviest))} > {gib(pods.gpu_memory_bytes)}",
        _apart(heaviest, pods),
    )


def _combinations(stages: Sequence[Stage], pods: Pods) -> Iterator[tuple[Stage, ...]]:
    """All sets of replicas whose fractions Ray may put on one GPU."""
    counts = [
        range(min(stage.options.max_replicas, UNIT // units(stage.options.gpus)) + 1)
        for stage in stages
    ]
    for chosen in itertools.product(*counts) if pods.gpus else ():
        pairs = list(zip(stages, chosen, strict=True))
        if sum(units(stage.options.gpus) * count for stage, count in pairs) <= UNIT:
            yield tuple(stage for stage, count in pairs for _ in range(count))


def _apart(stages: Sequence[Stage], pods: Pods) -> str:
    """What to change so that replicas no longer meet, or fit where they do."""
    needed = {
        stage.name: math.ceil(stage.bytes / pods.gpu_memory_bytes * 100) / 100 for stage in stages
    }
    reserving = [stage for stage in stages if stage.reserved]
    if len(reserving) == 1:
        others = _bytes(stages) - reserving[0].parts[0].bytes
        most = math.floor((pods.gpu_memory_bytes - others) / pods.gpu_memory_bytes * 100) / 100
        if most > 0:
            return (
                f"Lower {reserving[0].section}.vllm.gpu_memory_utilization to at most {most:.2f}, "
                "or the max_batch_size of the others."
            )
    smaller = "Lower max_batch_size, choose a smaller model or number format"
    if sum(needed.values()) > 1:
        return f"{smaller}, a GPU with more memory, or a GPU for each (num_gpus: 1)."
    shares = ", ".join(f"{name} {share:.2f}" for name, share in needed.items())
    return f"Set num_gpus to at least what their memory is of the GPU's ({shares}). Or: {smaller}."


def _placing(stages: Sequence[Stage], placement: Placement, pods: Pods) -> Iterator[Problem]:
    """Replicas that find no place when all have grown to their largest number."""
    for stage in stages:
        missing = placement.unplaced[stage.name]
        if not missing:
            continue
        options = stage.options
        yield Problem(
            f"{missing} of {options.max_replicas} replicas of {stage.name} can never be placed",
            f"each needs {cores(options.cpus)}"
            + (f" and {options.gpus:g} GPU" if options.gpus else "")
            + f"; {_pods(pods)} hold at most {_held(placement)}",
            f"Lower max_replicas of {stage.name} (or num_replicas), its num_gpus or num_cpus, or "
            "raise pods.count, pods.gpus or pods.cpus.",
        )


def _held(placement: Placement) -> str:
    """What is on the pods once all is full."""
    held = Counter(
        (stage.name, stage.options.cpus, stage.options.gpus)
        for pod in placement.used
        for stage in pod.stages
    )
    texts = (
        f"{count} x {name} ({cores(cpus)}{f', {gpus:g} GPU' if gpus else ''})"
        for (name, cpus, gpus), count in held.items()
    )
    return " + ".join(texts) or "none"


def _pods(pods: Pods) -> str:
    count = "1 pod" if pods.count == 1 else f"{pods.count} pods"
    return f"{count} with {pods.cpus_text} and {pods.gpu_text}"


def _bytes(stages: Sequence[Stage]) -> int:
    return sum(stage.bytes for stage in stages)


def added(parts: Sequence[Part]) -> str:
    """A sum of memory as one reads it."""
    total = sum(part.bytes for part in parts)
    terms = " + ".join(f"{part.name} {gib(part.bytes)}" for part in parts)
    return f"{terms} = {gib(total)}"


def _smaller(stage: Stage) -> str:
    if stage.reserved:
        return f"Lower {stage.section}.vllm.gpu_memory_utilization"
    return (
        f"Lower {stage.section}.max_batch_size, choose a smaller {stage.section}.model or "
        f"{stage.section}.compute_type (int8_float16 halves the weights of float16),"
    )
