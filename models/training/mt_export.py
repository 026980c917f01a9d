"""The trained translator in the two forms that are served, with its manifest."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import torch
from ctranslate2.converters import TransformersConverter
from transformers import PreTrainedTokenizerFast, Qwen3ForCausalLM

from deployments.memory import LanguageModelSize, in_each_format
from models.training.mt_model import ROTARY_BASE
from models.training.mt_tokens import END, LANGUAGES, TRANSLATE, VOCABULARY_SIZE

NAME = "dragoman-mt"
VERSION = "1.1.0"
MANIFEST = "model_config.json"
HF_FOLDER = "hf"

_MEASURE_MEMORY = """
import sys
from pathlib import Path
import ctranslate2
from tokenizers import Tokenizer

def resident_bytes():
    fields = Path("/proc/self/statm").read_text().split()
    return int(fields[1]) * 4096

before = resident_bytes()
model = ctranslate2.Generator(sys.argv[1], device="cpu", intra_threads=1)
tokenizer = Tokenizer.from_file(sys.argv[1] + "/tokenizer.json")
prompt = tokenizer.encode("<|translate|><|en|><|de|>Thank you very much.<|target|>").tokens
model.generate_batch([prompt] * 8, max_length=64, sampling_topk=1)
print(resident_bytes() - before)
"""


def export(
    model: Qwen3ForCausalLM, tokenizer: Path, directory: Path, quantisation: str = "int8_float32"
) -> None:
    """Write the CTranslate2 model and, in a folder of its own, what vLLM loads."""
    if directory.exists():
        shutil.rmtree(directory)
    directory.mkdir(parents=True)
    transformers_form = directory / HF_FOLDER
    _save_transformers_form(model, tokenizer, transformers_form)
    with tempfile.TemporaryDirectory() as temporary:
        converted = Path(temporary) / "converted"
        TransformersConverter(str(transformers_form)).convert(
            str(converted), quantization=quantisation
        )
        shutil.copytree(converted, directory, dirs_exist_ok=True)
    shutil.copy(tokenizer, directory / "tokenizer.json")
    _check_vocabulary(directory)


def write_manifest(directory: Path, metrics: dict[str, object]) -> None:
    """Describe an export: its files, what it needs and how good it is.

    A model that is measured again stays what it was.
    """
    is_new = not (directory / MANIFEST).exists()
    before = {} if is_new else json.loads((directory / MANIFEST).read_text(encoding="utf-8"))
    files = sorted(path for path in directory.rglob("*") if path.is_file())
    manifest = {
        "name": NAME,
        "version": before.get("version", VERSION),
        "task": "mt",
        "architecture": "Qwen3ForCausalLM",
        "languages": list(LANGUAGES),
        "open_sources": before.get("open_sources", is_new),
        "files": {
            path.relative_to(directory).as_posix(): {
                "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
                "bytes": path.stat().st_size,
            }
            for path in files
            if path.name != MANIFEST
        },
        "memory_bytes": _memory_bytes(directory),
        "memory": in_each_format(_size(directory / HF_FOLDER).memory),
        "licence": "Apache-2.0",
        "metrics": metrics,
    }
    (directory / MANIFEST).write_text(
        json.dumps(manifest, indent=2, ensure_ascii=False) + "\n", encoding="utf-8"
    )


def publish(export_directory: Path, destination: Path) -> None:
    """Put an export in its place as a whole; a reader sees the old one or the new one."""
    incoming = destination.with_name(f".{destination.name}.incoming")
    outgoing = destination.with_name(f".{destination.name}.outgoing")
    for leftover in (incoming, outgoing):
        shutil.rmtree(leftover, ignore_errors=True)
    shutil.copytree(export_directory, incoming)
    if destination.exists():
        # The model card is written by hand and stays.
        for card in destination.glob("*.md"):
            shutil.copy(card, incoming)
        destination.rename(outgoing)
    incoming.rename(destination)
    shutil.rmtree(outgoing, ignore_errors=True)


def _save_transformers_form(model: Qwen3ForCausalLM, tokenizer: Path, directory: Path) -> None:
    small = Qwen3ForCausalLM(model.config)
    small.load_state_dict(model.state_dict())
    small.to(dtype=torch.bfloat16).save_pretrained(directory)  # type: ignore[call-arg]
    PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_file=str(tokenizer),
        bos_token=TRANSLATE,
        eos_token=END,
        pad_token=END,
        clean_up_tokenization_spaces=False,
        model_max_length=model.config.max_position_embeddings,
    ).save_pretrained(directory)
    # Readers older than transformers 5 know neither its place for the rotary base, and would take
    # another one for granted, nor its name for a tokenizer that is all in tokenizer.json.
    _add_to_json(directory / "config.json", rope_theta=ROTARY_BASE)
    _add_to_json(directory / "tokenizer_config.json", tokenizer_class="PreTrainedTokenizerFast")
    for path in directory.iterdir():
        path.chmod(0o644)


def _add_to_json(path: Path, **values: object) -> None:
    old = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(old | values, indent=2) + "\n", encoding="utf-8")


def _check_vocabulary(directory: Path) -> None:
    """CTranslate2 looks tokens up in its own list: it must be the tokenizer's, id by id."""
    listed = json.loads((directory / "vocabulary.json").read_text(encoding="utf-8"))
    tokenizer = json.loads((directory / "tokenizer.json").read_text(encoding="utf-8"))
    ids = dict(tokenizer["model"]["vocab"])
    ids.update({token["content"]: token["id"] for token in tokenizer["added_tokens"]})
    if len(listed) != VOCABULARY_SIZE or any(ids[token] != i for i, token in enumerate(listed)):
        raise RuntimeError("vocabulary.json and tokenizer.json disagree")


def _size(transformers_form: Path) -> LanguageModelSize:
    config = json.loads((transformers_form / "config.json").read_text(encoding="utf-8"))
    weights = Qwen3ForCausalLM.from_pretrained(transformers_form)
    return LanguageModelSize(
        parameters=weights.num_parameters(),
        layers=config["num_hidden_layers"],
        heads=config["num_attention_heads"],
        kv_heads=config["num_key_value_heads"],
        head_width=config["head_dim"],
    )


def _memory_bytes(directory: Path) -> int:
    """What loading and running the model adds to a process."""
    done = subprocess.run(  # noqa: S603  # our own interpreter and program
        [sys.executable, "-c", _MEASURE_MEMORY, str(directory)],
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    return int(done.stdout)
