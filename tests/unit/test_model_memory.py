"""What models are said to need of a GPU, against their layers and against published runs."""

from __future__ import annotations

import pytest

from deployments.gpus import MIB
from deployments.known_models import LANGUAGE_MODEL_SIZES, language_model_size, whisper_size
from deployments.memory import LanguageModelSize, WhisperSize, in_each_format
from deployments.models import BUNDLED, bundled_directory, read_manifest
from deployments.settings import CUDA_COMPUTE_TYPES, ComputeType
from serve_app.plan.stages import ALLOCATOR_SHARE
from serve_app.plan.types import CONTEXT_BYTES


def whisper_parameters(width: int, encoder: int, decoder: int, vocabulary: int, mels: int) -> int:
    attention = 4 * width**2 + 3 * width
    feed_forward = 8 * width**2 + 5 * width
    encoding = encoder * (attention + feed_forward + 4 * width) + 3 * mels * width + 3 * width**2
    decoding = decoder * (2 * attention + feed_forward + 6 * width) + (vocabulary + 448) * width
    return encoding + 2 * width + 1_500 * width + 2 * width + decoding + 2 * width


@pytest.mark.parametrize(
    ("name", "layers"),
    [
        ("tiny", (384, 4, 4, 51_865, 80)),
        ("base", (512, 6, 6, 51_865, 80)),
        ("small", (768, 12, 12, 51_865, 80)),
        ("medium", (1_024, 24, 24, 51_865, 80)),
        ("large-v3", (1_280, 32, 32, 51_866, 128)),
        ("large-v3-turbo", (1_280, 32, 4, 51_866, 128)),
        ("distil-large-v3", (1_280, 32, 2, 51_866, 128)),
        ("distil-medium.en", (1_024, 24, 2, 51_864, 80)),
        ("distil-small.en", (768, 12, 4, 51_864, 80)),
    ],
)
def test_whisper_has_the_parameters_of_its_layers(name: str, layers: tuple[int, ...]) -> None:
    size = whisper_size(name)
    assert size is not None
    width, _, decoder, _, _ = layers
    assert size.parameters == whisper_parameters(*layers)
    assert (size.width, size.heads, size.decoder_layers) == (width, width // 64, decoder)


@pytest.mark.parametrize(
    ("name", "width", "feed_forward", "vocabulary", "is_tied", "norms"),
    [
        ("Qwen/Qwen3-0.6B", 1_024, 3_072, 151_936, True, 2),
        ("Qwen/Qwen3-1.7B", 2_048, 6_144, 151_936, True, 2),
        ("Qwen/Qwen3-4B", 2_560, 9_728, 151_936, True, 2),
        ("Qwen/Qwen3-8B", 4_096, 12_288, 151_936, False, 2),
        ("Qwen/Qwen3-14B", 5_120, 17_408, 151_936, False, 2),
        ("Qwen/Qwen3-32B", 5_120, 25_600, 151_936, False, 2),
        ("utter-project/EuroLLM-1.7B-Instruct", 2_048, 5_632, 128_000, False, 0),
        ("utter-project/EuroLLM-9B-Instruct", 4_096, 12_288, 128_000, False, 0),
    ],
)
def test_language_models_have_the_parameters_of_their_layers(
    name: str, width: int, feed_forward: int, vocabulary: int, *, is_tied: bool, norms: int
) -> None:
    size = LANGUAGE_MODEL_SIZES[name]
    heads = 2 * size.heads + 2 * size.kv_heads
    layer = heads * size.head_width * width + norms * size.head_width
    layer += 3 * width * feed_forward + 2 * width
    embeddings = vocabulary * width * (1 if is_tied else 2)
    assert size.parameters == embeddings + size.layers * layer + width


@pytest.mark.parametrize(
    ("name", "compute_type", "measured_mib"),
    [  # faster-whisper, one window at a time with beam 5, RTX 2080 Ti: SYSTRAN/faster-whisper#1030
        ("large-v3", "float16", 4_521),
        ("large-v3", "int8_float16", 2_953),
        ("distil-large-v3", "float16", 2_409),
        ("distil-large-v3", "int8_float16", 1_481),
        ("large-v3-turbo", "float16", 2_537),
        ("large-v3-turbo", "int8_float16", 1_545),
    ],
)
def test_an_estimate_is_above_what_was_measured_and_near_it(
    name: str, compute_type: ComputeType, measured_mib: int
) -> None:
    size = whisper_size(name)
    assert size is not None
    memory = size.memory(compute_type, 5)
    tensors = memory.weights_bytes + memory.batch_bytes(1)
    estimated = (tensors * (1 + ALLOCATOR_SHARE) + CONTEXT_BYTES) / MIB
    assert measured_mib <= estimated <= 1.25 * measured_mib


@pytest.mark.parametrize(
    ("name", "same_as"),
    [
        ("Systran/faster-whisper-large-v3", "large-v3"),
        ("Systran/faster-distil-whisper-large-v3", "distil-large-v3"),
        ("distil-whisper/distil-large-v3.5-ct2", "distil-large-v3.5"),
        ("mobiuslabsgmbh/faster-whisper-large-v3-turbo@0123abc", "turbo"),
        ("small.en", "small"),
    ],
)
def test_ids_at_the_hub_are_known_by_their_size(name: str, same_as: str) -> None:
    assert whisper_size(name) == whisper_size(same_as) is not None


def test_what_nobody_published_is_not_guessed() -> None:
    assert whisper_size("someone/my-fine-tune") is None
    assert whisper_size("/models/mine") is None
    assert language_model_size("someone/translator-5b") is None
    assert language_model_size("Qwen/Qwen3-4B@main") == LANGUAGE_MODEL_SIZES["Qwen/Qwen3-4B"]


def test_keys_and_values_of_a_token() -> None:
    assert LANGUAGE_MODEL_SIZES["Qwen/Qwen3-4B"].kv_bytes_per_token() == 2 * 36 * 8 * 128 * 2


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("dragoman-asr", WhisperSize(2_891_040, 160, 5, 2)),
        ("dragoman-mt", LanguageModelSize(3_660_544, 4, 4, 2, 64)),
    ],
)
def test_the_bundled_models_state_their_memory(
    name: str, size: WhisperSize | LanguageModelSize
) -> None:
    directory = bundled_directory(name)
    assert directory is not None
    assert name in BUNDLED
    stated = read_manifest(directory).memory
    assert stated.keys() >= {*CUDA_COMPUTE_TYPES}
    assert {key: memory.model_dump() for key, memory in stated.items()} == in_each_format(
        size.memory
    )
