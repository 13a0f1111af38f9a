"""What this machine's processor is good at, and how its memory is best kept."""

import ctypes
import time

import torch
from torch import nn


def keep_memory() -> None:
    """Tell glibc's allocator to keep freed pages: new ones can cost more than the arithmetic.

    Measured on a virtual machine whose host reclaims memory: about 300 against 17 tokens/s in training.
    """
    trim_threshold, top_pad, mmap_max = -1, -2, -4  # malloc.h
    try:
        mallopt = ctypes.CDLL("libc.so.6").mallopt
    except (OSError, AttributeError):
        return  # another C library, with habits of its own
    mallopt(mmap_max, 0)
    mallopt(trim_threshold, 2_000_000_000)
    mallopt(top_pad, 256 << 20)


def release_memory() -> None:
    """Hand back the pages that `keep_memory` kept and nobody uses: shapes that change leave holes in them."""
    try:
        ctypes.CDLL("libc.so.6").malloc_trim(0)
    except (OSError, AttributeError):
        return  # another C library


def matrix_speed(dtype: torch.dtype, size: int = 1024, repeats: int = 10) -> float:
    """Measured matrix-product speed of the processor, in GFLOP/s (the best of a few: others may be busy)."""
    a, b = torch.randn(size, size).to(dtype), torch.randn(size, size).to(dtype)
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        a @ b
        times.append(time.perf_counter() - start)
    return 2 * size**3 / min(times) / 1e9


def layer_speed(dtype: torch.dtype, tokens: int = 720, layers: int = 4, repeats: int = 8) -> float:
    """Measured speed of training, in tokens/s through one transformer layer of SmolLM2-135M's size, forward
    and backward (the best of a few passes: others may be busy; the layers share no weights, as a model's).

    A product alone does not tell: what lies between the products waits for memory.
    """
    stack = nn.ModuleList(nn.TransformerEncoderLayer(576, 9, 1536, 0.0, nn.SiLU()) for _ in range(layers))
    stack.to(dtype).requires_grad_(False)
    times = []
    for _ in range(repeats):
        states = torch.randn(tokens // 3, 3, 576).to(dtype).requires_grad_()  # (T, B, D)
        start = time.perf_counter()
        for layer in stack:
            states = layer(states)
        states.float().square().sum().backward()
        times.append(time.perf_counter() - start)
    return layers * tokens / min(times)


def choose_dtype() -> torch.dtype:
    """bfloat16 where the processor multiplies it clearly faster than float32."""
    if torch.cuda.is_available():
        return torch.bfloat16
    fast = matrix_speed(torch.bfloat16) > 1.3 * matrix_speed(torch.float32)
    return torch.bfloat16 if fast else torch.float32
