"""A plan fits, or is refused with the arithmetic and what to change."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any, NoReturn

import pytest
import yaml
from ray.serve.schema import ServeApplicationSchema

from deployments.gpus import GIB, GPUS, slice_bytes
from deployments.mt import Mt, MtSettings
from serve_app.app import build_app
from serve_app.client.cli import main
from serve_app.config import AppConfig
from serve_app.plan.types import Plan
from serve_app.planning import PlanError, plan_application, plan_machine, require_fit
from serve_app.profiles import SIZES, profile_names, profile_path
from serve_app.replicas import options_of

PLANS = yaml.safe_load((Path(__file__).parent / "data" / "broken_plans.yaml").read_text())
IMPORT_PATH = "serve_app.app:build_app"


def merged(tree: object, change: object) -> object:
    if not isinstance(tree, dict) or not isinstance(change, dict):
        return change
    return tree | {key: merged(tree.get(key), value) for key, value in change.items()}


def application(change: dict[str, Any] | None = None) -> ServeApplicationSchema:
    """The sound plan with a change: to `args` key by key, to a deployment option by option."""
    sound, change = copy.deepcopy(PLANS["sound"]), change or {}
    args = merged(sound["args"], change.get("args", {}))
    changed = change.get("deployments", {})
    deployments = [one | changed.get(one["name"], {}) for one in sound["deployments"]]
    return ServeApplicationSchema(import_path=IMPORT_PATH, args=args, deployments=deployments)


def planned(change: dict[str, Any] | None = None) -> Plan:
    return plan_application(application(change), machine_cpus=None)


def test_the_sound_plan_fits() -> None:
    plan = planned()
    assert plan.problems == ()
    [pod] = plan.used
    [gpu] = pod.gpus
    assert sorted(stage.name for stage in gpu.stages) == ["Asr", "Mt"]
    assert gpu.free == 0
    require_fit(plan)


@pytest.mark.parametrize("name", PLANS["broken"])
def test_a_broken_plan_is_refused_with_its_reason(name: str) -> None:
    broken = PLANS["broken"][name]
    with pytest.raises(PlanError) as caught:
        require_fit(planned(broken["change"]))
    told = str(caught.value)
    assert broken["refused"] in told
    assert broken["fix"] in told.split(broken["refused"])[1]


@pytest.mark.parametrize("name", [*profile_names(), *SIZES])
def test_each_profile_that_ships_fits(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", "--profile", name]) == 0
    told = capsys.readouterr().out
    assert told.endswith("It fits.\n")
    assert profile_path(name).name in told


def test_the_profiles_are_for_the_gpus_that_their_names_say() -> None:
    assert {"cpu", "gpu-12gb", "gpu-16gb", "gpu-24gb", "gpu-80gb", "gpu-141gb"} <= {
        *profile_names()
    }
    assert profile_path("heavy") == profile_path("gpu-24gb")
    for name in profile_names():
        [deployed] = yaml.safe_load(profile_path(name).read_text())["applications"]
        plan = plan_application(ServeApplicationSchema.model_validate(deployed), None)
        if name == "cpu":
            assert plan.pods.gpus == 0
            continue
        nominal = int(name.removeprefix("gpu-").removesuffix("gb"))
        assert 0.9 * nominal < plan.pods.gpu_memory_bytes / GIB <= nominal


def test_the_arithmetic_is_shown(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "plan.yaml"
    path.write_text(
        yaml.safe_dump({"applications": [application().model_dump(exclude_unset=True)]})
    )
    assert main(["plan", str(path)]) == 0
    told = capsys.readouterr().out
    assert (
        "Asr: large-v3-turbo, float16 on cuda: weights 1.51 GiB + batch of 16 3.25 GiB + allocator "
        "10% 0.48 GiB + CUDA context 0.75 GiB = 5.99 GiB"
    ) in told
    assert "pod 1 cores: Mt 2 + Asr 2 + Ingress 2 + Vad 1 + Hub 0.1 = 7.1 of 8 cores" in told
    assert "pod 1 GPU 0: Mt 0.6 + Asr 0.4 = 1 of 1; 12.79 + 5.99 = 18.78 GiB of 22.49 GiB" in told


def test_json_says_the_same(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "plan.yaml"
    broken = application({"args": {"pods": {"cpus": 6.2}}})
    path.write_text(yaml.safe_dump({"applications": [broken.model_dump(exclude_unset=True)]}))
    assert main(["plan", str(path), "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert told["fits"] is False
    assert told["pods"]["gpu_memory_bytes"] == GPUS["L4"].memory_bytes
    [problem] = told["problems"]
    assert problem["what"] == "1 of 1 replicas of Vad can never be placed"
    [pod] = told["placement"]
    assert pod["gpus"][0]["share"] == 1.0
    assert pod["gpus"][0]["bytes"] == sum(stage["gpu_bytes"] for stage in told["stages"])


def test_what_cannot_be_read_is_wrong_usage(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert main(["plan", str(tmp_path / "nowhere.yaml")]) == 2
    assert "nowhere.yaml cannot be read" in capsys.readouterr().err
    assert main(["plan", "--profile", "gpu-7gb"]) == 2
    assert "there are cpu, gpu-12gb" in capsys.readouterr().err
    assert main(["plan", "a.yaml", "--profile", "cpu"]) == 2
    assert "not both" in capsys.readouterr().err


def test_slices_have_their_own_memory() -> None:
    args = {
        "pods": {"gpu": "H100-80GB", "mig": "3g.40gb", "gpus": 2},
        "mt": {"max_batch_size": 16},
    }
    plan = planned({"args": args})
    assert plan.problems == ()
    assert plan.pods.gpu_memory_bytes == slice_bytes("3g.40gb") < 40 * GIB


def test_vllm_over_two_gpus_holds_half_of_its_weights_on_each() -> None:
    vllm = {"gpu_memory_utilization": 0.9, "tensor_parallel_size": 2}
    plan = planned(
        {
            "args": {
                "pods": {"gpus": 3},
                "mt": {"engine": "vllm", "model": "Qwen/Qwen3-14B", "vllm": vllm},
            },
            "deployments": {"Mt": {"ray_actor_options": {"num_cpus": 2, "num_gpus": 2}}},
        }
    )
    assert plan.problems == ()
    [pod] = plan.used
    assert [[stage.name for stage in gpu.stages] for gpu in pod.gpus] == [["Mt"], ["Mt"], ["Asr"]]
    weights = plan.stages[3].reserved[0].bytes
    assert weights == 14_768_307_200 * 2 // 2


async def test_recognition_loads_before_vllm_measures_what_is_free(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    happened: list[str] = []

    class Info:
        async def remote(self) -> None:
            happened.append("asr is ready")

    class Handle:
        info = Info()

    def load(*_: object) -> NoReturn:
        happened.append("mt loads")
        raise InterruptedError

    monkeypatch.setattr("deployments.mt.load_engine", load)
    replica: Any = object.__new__(Mt.func_or_class)
    with pytest.raises(InterruptedError):
        await replica.__init__(MtSettings(), after=Handle())
    assert happened == ["asr is ready", "mt loads"]


@pytest.mark.parametrize(("engine", "waits"), [("vllm", True), ("ctranslate2", False)])
def test_only_vllm_waits(engine: str, *, waits: bool) -> None:
    args = application({"args": {"mt": {"engine": engine}}}).args
    graph = build_app(AppConfig.model_validate(args))
    mt = graph._bound_deployment.init_kwargs["mt"]
    assert (mt._bound_deployment.init_kwargs["after"] is not None) is waits


def test_options_of_a_file_replace_those_of_the_code_as_a_whole() -> None:
    in_code = {
        one.name: one for one in options_of(ServeApplicationSchema(import_path="a:b"), keys=False)
    }
    assert in_code["Asr"].cpus == 0.5
    stated = [
        {"name": "Asr", "ray_actor_options": {"num_gpus": 0.5}},
        {"name": "Mt", "num_replicas": "auto"},
    ]
    file = ServeApplicationSchema(import_path="a:b", deployments=stated)
    _, _, asr, mt, _, limiter = options_of(file, keys=True)
    assert (asr.cpus, asr.gpus) == (1.0, 0.5)
    assert (mt.min_replicas, mt.max_replicas, mt.cpus) == (1, 100, in_code["Mt"].cpus)
    assert (limiter.name, limiter.min_replicas, limiter.cpus) == ("Limiter", 1, 0)


def test_the_plan_has_the_limiter_where_there_are_keys(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "Limiter" not in [stage.name for stage in planned().stages]
    monkeypatch.setenv("API_KEYS_FILE", str(tmp_path / "keys.yaml"))
    assert "Limiter" in [stage.name for stage in planned().stages]


def test_one_machine_needs_room_for_the_fewest_replicas_only() -> None:
    growing = {"num_replicas": "auto", "autoscaling_config": {"min_replicas": 1, "max_replicas": 4}}
    deployed = application({"args": {"pods": {"count": 4}}, "deployments": {"Mt": growing}})
    assert plan_machine(deployed, {"CPU": 8.0, "GPU": 1.0}).problems == ()
    [asr, mt] = plan_machine(deployed, {"CPU": 8.0}).problems
    assert str(asr).startswith("Asr can never be placed: it asks for 0.4 GPU and pods.gpus is 0")
    assert str(mt).startswith("Mt can never be placed")
    [cores] = plan_machine(deployed, {"CPU": 2.0, "GPU": 1.0}).problems[:1]
    assert "1 pod with 2 cores" in cores.arithmetic


@pytest.mark.parametrize(
    ("pods", "told"),
    [
        ({"gpus": 1}, "gpus wants gpu"),
        ({"gpu": "L4"}, "want gpus beside them"),
        ({"gpus": 1, "gpu": "L4", "gpu_memory_bytes": 1 << 34}, "remove gpu_memory_bytes"),
        ({"gpus": 1, "gpu_memory_bytes": 1 << 34, "mig": "1g.5gb"}, "mig wants gpu"),
        ({"gpu": "L5", "gpus": 1}, "'L4'"),
    ],
)
def test_pods_are_described_once(pods: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        AppConfig.model_validate({"pods": pods})


@pytest.mark.parametrize("section", ["asr", "mt"])
def test_a_gpu_is_told_what_to_compute_in(section: str) -> None:
    with pytest.raises(ValueError, match=rf"{section}\.compute_type='default' leaves open"):
        AppConfig.model_validate({section: {"device": "cuda"}})
