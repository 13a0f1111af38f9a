"""Memory and time of REPO on Qwen3-32B by a stated model; prints the tables of docs/scale.md.

    python benchmarks/scale.py --prompt 3000

Nothing here was measured on a GPU. Each assumption is a field of `Assumed`, to be replaced by what a cluster
shows; how many weights there are is exact (tests/test_scale.py holds it to transformers and PEFT).
"""

import argparse
from dataclasses import dataclass, fields, replace

from suasion.integrations.model_shape import Shape

GB = 1e9
ROLES = 2  # adapters that are trained: policy and critic; the reward model's stands still


@dataclass(frozen=True, slots=True)
class Assumed:
    """The paper's settings, and what a GPU and our traffic are taken to be."""

    batch: int = 128  # replies a step, as in the paper
    copies: int = 4  # replies to a context; they share its prompt, in generation and in the passes
    prompt: int = 1500  # tokens: the whole SOP and a long dialogue
    reply: int = 120  # tokens on average; the paper allows 512
    rank: int = 64
    micro: int = 8192  # tokens of a GPU's pass with gradient
    gpu_bytes: float = 80 * GB
    flops: float = 989e12  # of an H100 SXM, dense bf16
    bandwidth: float = 3.35e12  # bytes a second
    trains_at: float = 0.35  # of the peak, passes of thousands of tokens
    reads_at: float = 0.45
    writes_at: float = 0.6  # of the bandwidth, when a token is written
    tensor_parallel: int = 4  # of a replica that writes
    launch: float = 12.0  # seconds a step for handing weights over, waiting for the last reply, and Ray


def memory(shape: Shape, given: Assumed, gpus: int) -> dict[str, float]:
    """Gigabytes on each GPU by part; weights and optimizer are sharded over all of them."""
    adapters = shape.lora(given.rank)
    trained = ROLES * adapters * 16 + adapters * 4  # float32 with gradient and Adam's two; RM's weights alone
    kept = shape.layers * shape.hidden * 2 * given.micro  # a layer's input, the rest is computed again
    within = given.micro * (6 * shape.inner + 10 * shape.hidden) * 2
    logits = given.micro * given.reply * given.copies // (given.prompt + given.reply * given.copies)
    return {
        "weights": shape.all * 2 / gpus / GB,
        "adapters": trained / gpus / GB,
        "gathered": 2 * shape.in_layers / shape.layers * 2 / GB,  # a layer in use, the next one on its way
        "activations": (kept + within + logits * shape.vocabulary * 6) / GB,
    }


def writes(shape: Shape, given: Assumed, gpus: int) -> dict[str, float]:
    """Gigabytes on each GPU while replies are written."""
    held = given.batch / given.copies * given.prompt + given.batch * given.reply
    replicas = gpus / given.tensor_parallel
    return {
        "weights": shape.all * 2 / given.tensor_parallel / GB,
        "keys and values": held * shape.kv_bytes / replicas / given.tensor_parallel / GB,
    }


def seconds(shape: Shape, given: Assumed, gpus: int) -> dict[str, float]:
    """Of a step by phase."""
    contexts = given.batch / given.copies
    read = contexts * given.prompt + given.batch * given.reply  # tokens of a pass, prompts once
    speed = given.flops * gpus
    forward = 2 * shape.in_layers * read / speed
    replicas = gpus / given.tensor_parallel
    token = shape.all * 2 / given.tensor_parallel / given.bandwidth / given.writes_at
    tokens = 4 * given.reply if given.reply * 4 < 512 else 512  # the longest reply is waited for
    work = 2 * shape.all * given.batch / replicas / (given.flops * given.tensor_parallel * given.reads_at)
    adapters = 2 * shape.lora(given.rank) * read / speed
    return {
        "generate": 2 * shape.in_layers * contexts * given.prompt / speed / given.reads_at
        + tokens * max(token, work),
        "reference, RM, value": 3 * (forward + adapters) / given.reads_at,
        "update": ROLES * (3 * forward + 3 * adapters) / given.trains_at,  # forward twice, backward to inputs
        "between": given.launch,
    }


def serving(
    shape: Shape, conversations: float, replies: float, shared: float, given: Assumed
) -> dict[str, float]:
    """GPUs for so many conversations a day, at three times the mean rate; `shared` of a prompt is cached."""
    rate = 3 * conversations * replies / 86_400
    reading = rate * given.prompt * (1 - shared) * 2 * shape.in_layers / (given.flops * given.reads_at)
    at_once = rate * given.reply * 0.03  # replies under way, at 30 ms a token
    held = at_once * (given.prompt + given.reply) * shape.kv_bytes
    return {
        "replies a second": rate,
        "replies at once": at_once,
        "GPUs that read": reading,
        "GPUs that hold keys and values": held
        / (given.gpu_bytes * 0.9 - shape.all * 2 / given.tensor_parallel),
    }


def table(rows: list[dict[str, float]], head: list[str], first: str) -> str:
    names = list(rows[0])
    lines = [f"| {first} | " + " | ".join(names) + " | all |", "|---" * (len(names) + 2) + "|"]
    for name, row in zip(head, rows, strict=True):
        lines.append(
            f"| {name} | " + " | ".join(f"{row[key]:.1f}" for key in names) + f" | {sum(row.values()):.1f} |"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    given = Assumed()
    for one in fields(Assumed):
        parser.add_argument(f"--{one.name.replace('_', '-')}", type=type(getattr(given, one.name)))
    asked = {key: value for key, value in vars(parser.parse_args()).items() if value is not None}
    given, shape, sizes = replace(given, **asked), Shape(), (8, 16, 32, 64)
    print(
        f"{shape.all / 1e9:.2f} billion weights, {shape.lora(given.rank) / 1e6:.0f} million in an adapter\n"
    )
    heads = [f"{gpus} GPUs" for gpus in sizes]
    print(table([memory(shape, given, gpus) for gpus in sizes], heads, "GB on each, training"), "\n")
    print(table([writes(shape, given, gpus) for gpus in sizes], heads, "GB on each, writing"), "\n")
    print(table([seconds(shape, given, gpus) for gpus in sizes], heads, "seconds a step"), "\n")
    for shared in (0.0, 0.6):
        found = serving(shape, 1e6, 4.8, shared, given)
        print(
            f"{shared:.0%} of a prompt cached: "
            + ", ".join(f"{key} {value:.0f}" for key, value in found.items())
        )


if __name__ == "__main__":
    main()
