"""From trained weights to a folder that unmodified faster-whisper and CTranslate2 load."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import ctranslate2
from transformers import PreTrainedTokenizerFast, WhisperForConditionalGeneration

from deployments.memory import WhisperSize, in_each_format
from models.training.features import HOP_SAMPLES, MELS
from models.training.network import ALIGNMENT_HEADS
from models.training.speech import SAMPLE_RATE_HZ
from models.training.tokens import LANGUAGES, Tokens

NAME = "dragoman-asr"
VERSION = "1.0.0"
_MANIFEST = "model_config.json"
_END = "<|endoftext|>"
_CHUNK_S = 30
_PREPROCESSOR = {
    "chunk_length": _CHUNK_S,
    "feature_extractor_type": "WhisperFeatureExtractor",
    "feature_size": MELS,
    "hop_length": HOP_SAMPLES,
    "n_fft": 400,
    "n_samples": _CHUNK_S * SAMPLE_RATE_HZ,
    "nb_max_frames": _CHUNK_S * SAMPLE_RATE_HZ // HOP_SAMPLES,
    "padding_side": "right",
    "padding_value": 0.0,
    "processor_class": "WhisperProcessor",
    "return_attention_mask": False,
    "sampling_rate": SAMPLE_RATE_HZ,
}
# Run in a process of its own, so that nothing else is in memory. Counts one padded window too.
_MEASURE_MEMORY = """
import sys
from pathlib import Path
import ctranslate2
import numpy

def resident_bytes():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096

before = resident_bytes()
model = ctranslate2.models.Whisper(sys.argv[1], device="cpu", compute_type="int8", intra_threads=1)
window = numpy.zeros((1, 80, 3000), numpy.float32)
model.generate(ctranslate2.StorageView.from_array(window), [[int(sys.argv[2])]], beam_size=5)
print(resident_bytes() - before)
"""


def export(
    model: WhisperForConditionalGeneration,
    tokenizer: Path,
    destination: Path,
    metrics: dict[str, Any],
) -> None:
    """Write the int8 model, its tokenizer files and its manifest; replace what is there."""
    tokens = Tokens(tokenizer)
    destination.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=destination.parent, prefix=".export-") as scratch:
        source, built = Path(scratch) / "source", Path(scratch) / "built"
        _save_source(model, tokenizer, source)
        converter = ctranslate2.converters.TransformersConverter(str(source))
        converter.convert(str(built), quantization="int8")
        _complete(built, tokenizer, tokens, model)
        write_manifest(built, model, metrics)
        _swap(built, destination)


def write_manifest(
    folder: Path, model: WhisperForConditionalGeneration | None, metrics: dict[str, Any]
) -> None:
    """Write `model_config.json`; without a model only the metrics change."""
    path = folder / _MANIFEST
    manifest: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    if model is not None:
        manifest = {
            "name": NAME,
            "version": VERSION,
            "task": "asr",
            "architecture": _architecture(model),
            "languages": list(LANGUAGES),
            "short_windows": True,
            "memory_bytes": _memory_bytes(folder, model.config.decoder_start_token_id),
            "memory": in_each_format(_size(model).memory),
            "licence": "Apache-2.0",
            "files": {
                file.name: {
                    "sha256": hashlib.sha256(file.read_bytes()).hexdigest(),
                    "bytes": file.stat().st_size,
                }
                for file in sorted(folder.iterdir())
                if file.name != _MANIFEST and file.suffix != ".md"
            },
        }
    manifest["metrics"] = metrics
    path.write_text(json.dumps(manifest, indent=2) + "\n")


def _architecture(model: WhisperForConditionalGeneration) -> dict[str, Any]:
    config = model.config
    return {
        "type": "whisper",
        "width": config.d_model,
        "heads": config.encoder_attention_heads,
        "encoder_layers": config.encoder_layers,
        "decoder_layers": config.decoder_layers,
        "vocabulary": config.vocab_size,
        "mels": config.num_mel_bins,
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "quantization": "int8",
    }


def _size(model: WhisperForConditionalGeneration) -> WhisperSize:
    made = _architecture(model)
    return WhisperSize(made["parameters"], made["width"], made["heads"], made["decoder_layers"])


def _memory_bytes(folder: Path, start: int) -> int:
    done = subprocess.run(  # noqa: S603  # our own interpreter and program
        [sys.executable, "-c", _MEASURE_MEMORY, str(folder), str(start)],
        check=True, capture_output=True, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    return int(done.stdout)


def _save_source(model: WhisperForConditionalGeneration, tokenizer: Path, folder: Path) -> None:
    model.save_pretrained(folder)
    fast = PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_file=str(tokenizer),
        bos_token=_END,
        eos_token=_END,
        unk_token=_END,
    )
    fast.save_pretrained(folder)


def _complete(
    folder: Path, tokenizer: Path, tokens: Tokens, model: WhisperForConditionalGeneration
) -> None:
    last = model.config.decoder_layers - 1
    config = {
        "alignment_heads": [[last, head] for head in ALIGNMENT_HEADS],
        "lang_ids": sorted(tokens.languages.values()),
        "suppress_ids": [],
        # Not the end token: a window without words must be allowed to come out empty.
        "suppress_ids_begin": tokens.tokenizer.encode(" ").ids,
    }
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    shutil.copyfile(tokenizer, folder / "tokenizer.json")
    (folder / "preprocessor_config.json").write_text(json.dumps(_PREPROCESSOR, indent=2) + "\n")
    names = [tokens.tokenizer.id_to_token(i) for i in range(model.config.vocab_size)]
    names[tokens.empty] = ""
    (folder / "vocabulary.json").write_text(json.dumps(names, ensure_ascii=False, indent=0) + "\n")


def _swap(built: Path, destination: Path) -> None:
    """Two renames: a reader finds either the old folder or the new one, but for an instant."""
    previous = built.with_name("previous")
    if destination.exists():
        # The model card is written by hand and stays.
        for card in destination.glob("*.md"):
            shutil.copyfile(card, built / card.name)
        destination.rename(previous)
    built.rename(destination)
