"""Sizes of well-known models, from their makers' published configurations.

Parameters are counted from the layers that the `config.json` of each model names (openai/whisper-*,
distil-whisper/*, Qwen/Qwen3-*, utter-project/EuroLLM-*). TranslateGemma is built on Gemma 3, whose
vision tower is loaded too: 417 M by the technical report (arXiv 2503.19786, table 1).
"""

from __future__ import annotations

from deployments.memory import LanguageModelSize, WhisperSize

_LARGE = WhisperSize(1_543_490_560, 1_280, 20, 32)
_TURBO = WhisperSize(808_878_080, 1_280, 20, 4)
_DISTIL_LARGE = WhisperSize(756_405_760, 1_280, 20, 2)

WHISPER_SIZES: dict[str, WhisperSize] = {
    "tiny": WhisperSize(37_760_640, 384, 6, 4),
    "base": WhisperSize(72_593_920, 512, 8, 6),
    "small": WhisperSize(241_734_912, 768, 12, 12),
    "medium": WhisperSize(763_857_920, 1_024, 16, 24),
    "large-v1": _LARGE,
    "large-v2": _LARGE,
    "large-v3": _LARGE,
    "large": _LARGE,
    "large-v3-turbo": _TURBO,
    "turbo": _TURBO,
    "distil-small.en": WhisperSize(166_132_224, 768, 12, 4),
    "distil-medium.en": WhisperSize(394_375_168, 1_024, 16, 2),
    "distil-large-v2": _DISTIL_LARGE,
    "distil-large-v3": _DISTIL_LARGE,
    "distil-large-v3.5": _DISTIL_LARGE,
}
"""By the name that faster-whisper gives a size; `.en` models are as large as the others."""

_QWEN3_4B = LanguageModelSize(4_022_468_096, 36, 32, 8, 128)
_GEMMA_4B = LanguageModelSize(4_297_263_168, 34, 8, 4, 256)
_GEMMA_12B = LanguageModelSize(12_183_034_176, 48, 16, 8, 256)
_GEMMA_27B = LanguageModelSize(27_426_346_304, 62, 32, 16, 128)

LANGUAGE_MODEL_SIZES: dict[str, LanguageModelSize] = {
    "Qwen/Qwen3-0.6B": LanguageModelSize(596_049_920, 28, 16, 8, 128),
    "Qwen/Qwen3-1.7B": LanguageModelSize(1_720_574_976, 28, 16, 8, 128),
    "Qwen/Qwen3-4B": _QWEN3_4B,
    "Qwen/Qwen3-4B-Instruct-2507": _QWEN3_4B,
    "Qwen/Qwen3-8B": LanguageModelSize(8_190_735_360, 36, 32, 8, 128),
    "Qwen/Qwen3-14B": LanguageModelSize(14_768_307_200, 40, 40, 8, 128),
    "Qwen/Qwen3-32B": LanguageModelSize(32_762_123_264, 64, 64, 8, 128),
    "google/translategemma-4b-it": _GEMMA_4B,
    "google/translategemma-12b-it": _GEMMA_12B,
    "google/translategemma-27b-it": _GEMMA_27B,
    "google/gemma-3-4b-it": _GEMMA_4B,
    "google/gemma-3-12b-it": _GEMMA_12B,
    "google/gemma-3-27b-it": _GEMMA_27B,
    "utter-project/EuroLLM-1.7B-Instruct": LanguageModelSize(1_656_850_432, 24, 16, 8, 128),
    "utter-project/EuroLLM-9B-Instruct": LanguageModelSize(9_152_319_488, 42, 32, 8, 128),
}
"""By their id at the Hugging Face hub, without a revision."""


def whisper_size(name: str) -> WhisperSize | None:
    """The size of a model by its short name, or by an id at the hub that is made of one, such as
    `Systran/faster-distil-whisper-large-v3`."""
    short = name.partition("@")[0].rpartition("/")[2].lower()
    short = short.replace("faster-", "").replace("whisper-", "").removesuffix("-ct2")
    return WHISPER_SIZES.get(short) or WHISPER_SIZES.get(short.removesuffix(".en"))


def language_model_size(name: str) -> LanguageModelSize | None:
    """The size of a model by its id."""
    return LANGUAGE_MODEL_SIZES.get(name.partition("@")[0])
