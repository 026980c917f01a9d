"""How a plan is shown: as tables with the arithmetic, or as JSON."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.table import Table

from deployments.gpus import GIB
from serve_app.plan.check import added
from serve_app.plan.types import UNIT, GpuUse, Plan, Pods, PodUse, Stage, gib


def show(plan: Plan, title: str, console: Console) -> None:
    """Print the stages, where their replicas go, and what does not fit."""
    console.print(f"{title}: {_machines(plan.pods)}", markup=False, highlight=False, soft_wrap=True)
    console.print(_stages(plan))
    lines = [line for stage in plan.stages for line in _model(stage)]
    for number, pod in enumerate(plan.used, start=1):
        lines += _pod(number, pod, plan.pods)
    for line in lines:
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    for problem in plan.problems:
        console.print(
            f"DOES NOT FIT  {problem}", style="red", markup=False, highlight=False, soft_wrap=True
        )
    if not plan.problems:
        console.print("It fits.", style="green")


def as_json(plan: Plan) -> dict[str, Any]:
    """The same for programs."""
    return {
        "fits": not plan.problems,
        "pods": {
            "count": plan.pods.count,
            "cpus": plan.pods.cpus,
            "gpus": plan.pods.gpus,
            "gpu": plan.pods.gpu_name if plan.pods.gpus else None,
            "gpu_memory_bytes": plan.pods.gpu_memory_bytes,
            "mig": plan.pods.mig,
        },
        "stages": [_stage_json(stage) for stage in plan.stages],
        "placement": [_pod_json(pod, plan.pods) for pod in plan.used],
        "problems": [
            {"what": problem.what, "arithmetic": problem.arithmetic, "fix": problem.fix}
            for problem in plan.problems
        ],
    }


def _machines(pods: Pods) -> str:
    count = "1 pod" if pods.count == 1 else f"up to {pods.count} pods, each"
    return f"{count} with {pods.cpus_text} and {pods.gpu_text}"


def _stages(plan: Plan) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("deployment")
    for column in ("replicas", "cores each", "GPU each", "GPU memory each"):
        table.add_column(column, justify="right")
    for stage in plan.stages:
        options = stage.options
        least, most = options.min_replicas, options.max_replicas
        table.add_row(
            stage.name,
            str(most) if least == most else f"{least}..{most}",
            f"{options.cpus:g}",
            f"{options.gpus:g}" if options.gpus else "-",
            gib(stage.bytes) if stage.on_gpu else "-",
        )
    return table


def _model(stage: Stage) -> list[str]:
    """The model, and the arithmetic of one replica."""
    if not stage.model:
        return []
    lines = [f"{stage.name}: {stage.model}, {stage.compute_type} on {stage.device}"]
    if stage.parts:
        lines[0] += f": {added(stage.parts)}"
    if stage.reserved:
        lines.append(f"{stage.name} reserves that for {added(stage.reserved)}")
    return lines


def _pod(number: int, pod: PodUse, pods: Pods) -> list[str]:
    shares = " + ".join(f"{stage.name} {stage.options.cpus:g}" for stage in pod.stages)
    used = sum(stage.options.cpus for stage in pod.stages)
    lines = [f"pod {number} cores: {shares or 'idle'} = {used:g} of {pods.cpus_text}"]
    lines += [f"pod {number} GPU {i}: {_gpu(gpu, pods)}" for i, gpu in enumerate(pod.gpus)]
    return lines


def _gpu(gpu: GpuUse, pods: Pods) -> str:
    if not gpu.stages:
        return "idle"
    shares = " + ".join(f"{stage.name} {min(stage.options.gpus, 1):g}" for stage in gpu.stages)
    memory = " + ".join(f"{stage.bytes / GIB:.2f}" for stage in gpu.stages)
    total = sum(stage.bytes for stage in gpu.stages)
    return (
        f"{shares} = {(UNIT - gpu.free) / UNIT:g} of 1; {memory} = {gib(total)} "
        f"of {gib(pods.gpu_memory_bytes)}"
    )


def _stage_json(stage: Stage) -> dict[str, Any]:
    options = stage.options
    return {
        "deployment": stage.name,
        "model": stage.model or None,
        "device": stage.device,
        "compute_type": stage.compute_type or None,
        "min_replicas": options.min_replicas,
        "max_replicas": options.max_replicas,
        "cpus": options.cpus,
        "gpus": options.gpus,
        "gpu_bytes": stage.bytes,
        "gpu_bytes_by_use": {part.name: part.bytes for part in stage.parts},
    }


def _pod_json(pod: PodUse, pods: Pods) -> dict[str, Any]:
    return {
        "deployments": [stage.name for stage in pod.stages],
        "cpus": sum(stage.options.cpus for stage in pod.stages),
        "gpus": [
            {
                "deployments": [stage.name for stage in gpu.stages],
                "share": (UNIT - gpu.free) / UNIT,
                "bytes": sum(stage.bytes for stage in gpu.stages),
                "bytes_of": pods.gpu_memory_bytes,
            }
            for gpu in pod.gpus
        ],
    }
