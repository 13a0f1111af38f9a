"""Every path of a tree gives the numbers that it would give alone, on the architectures that we name."""

import pytest
import torch

from suasion.policy.heads import ScalarRole
from suasion.policy.model import Backbone
from suasion.policy.trees import Segment, batches, branch, lay_out
from suasion.training.experience import token_logprobs


def test_branches_equal_rows_of_their_own(backbone: Backbone) -> None:
    prompt, replies = [5, 6, 7, 8], [[9, 10, 11], [12, 13], [14]]
    with torch.no_grad():
        together, _ = token_logprobs(backbone, lay_out([branch(prompt, replies)]), 0.7)
        alone = [token_logprobs(backbone, lay_out([branch(prompt, [reply])]), 0.7)[0] for reply in replies]
        plain = backbone.plain(torch.tensor([[*prompt, *replies[0]]])).logits / 0.7
    assert torch.allclose(together, torch.cat(alone), atol=1e-5)
    expected = (
        torch.log_softmax(plain.float(), -1)[0, 3:6].gather(1, torch.tensor(replies[0])[:, None]).squeeze(1)
    )
    assert torch.allclose(together[:3], expected, atol=1e-5)


def test_deeper_trees_and_padding_change_nothing(backbone: Backbone) -> None:
    tree = (Segment((5, 6)), Segment((7, 8), 0), Segment((9,), 1), Segment((10, 11), 1), Segment((12,), 0))
    with torch.no_grad():
        deep = backbone.encode(lay_out([tree]))[0]
        padded = backbone.encode(lay_out([tree, branch([5] * 20, [[6] * 9])]))[0]
        path = backbone.encode(lay_out([(Segment((5, 6, 7, 8, 10, 11)),)]))[0]
    assert torch.allclose(deep, padded[: deep.shape[0]], atol=1e-5)
    assert torch.allclose(deep[[0, 1, 2, 3, 5, 6]], path, atol=1e-5)


def test_batches_hold_every_tree_once() -> None:
    trees = [branch([1] * size, [[2]]) for size in (3, 30, 7, 12)]
    seen = [index for indices, _ in batches(trees, 32) for index in indices]
    assert sorted(seen) == [0, 1, 2, 3]


def test_a_head_travels_with_its_adapter(backbone: Backbone) -> None:
    role = ScalarRole(backbone, "reward")
    for parameter in role.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    trees = [branch([5, 6, 7], [[8, 9], [10]])]
    saved, before = role.state(), role.read_ends(trees, 100)
    other = ScalarRole(backbone, "other")
    assert other.read_ends(trees, 100) == [[0.0, 0.0]]  # a fresh head reads zero
    other.load_state({key.replace(".reward.", ".other."): value for key, value in saved.items()})
    assert other.read_ends(trees, 100)[0] == pytest.approx(before[0])


def test_roles_do_not_touch_each_other(backbone: Backbone) -> None:
    batch = lay_out([branch([5, 6, 7], [[8, 9]])])
    with torch.no_grad():
        untouched = backbone.encode(batch)
        backbone.add_adapter("reward")
        for parameter in backbone.adapter("reward").values():
            torch.nn.init.normal_(parameter, std=0.3)
        backbone.add_adapter("policy")
        outputs = {}
        for name in ("reward", "policy", None):
            with backbone.role(name):
                outputs[name] = backbone.encode(batch)
    assert torch.equal(outputs["policy"], untouched), "a new adapter has no effect"
    assert torch.equal(outputs[None], untouched)
    assert not torch.allclose(outputs["reward"], untouched)
