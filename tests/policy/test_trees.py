"""Every path of a tree gives the numbers that it would give alone, on the architectures that we name."""

from collections.abc import Callable

import pytest
import torch
from peft import LoraConfig, get_peft_model
from transformers import PreTrainedModel

from suasion.errors import InputError
from suasion.policy.heads import REPLY, Reader, has_adapter, reply_states
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


@pytest.mark.parametrize("adapter", [True, False])
def test_a_head_travels_with_its_adapter(backbone: Backbone, adapter: bool) -> None:
    role = Reader(backbone, "reward", REPLY, 2, adapter)
    for parameter in role.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    trees = [branch([5, 6, 7], [[8, 9], [10]])]
    saved, before = role.state(), role.read_replies(trees, 100)[0]
    assert has_adapter(saved) == adapter
    other = Reader(backbone, "other", REPLY, 2, adapter)
    assert other.read_replies(trees, 100)[0].tolist() == [[0.0, 0.0]] * 2  # a fresh head reads zero
    other.load_state({key.replace(".reward.", ".other."): value for key, value in saved.items()})
    assert torch.allclose(other.read_replies(trees, 100)[0], before)
    with pytest.raises(InputError, match="does not fit"):
        Reader(backbone, "third", REPLY, 3, adapter).load_state(saved)


def test_a_reply_is_read_by_its_end_its_mean_its_context_and_how_they_fit(backbone: Backbone) -> None:
    batch = lay_out([branch([5, 6, 7], [[8, 9], [10]]), branch([11], [[12, 13, 14]])])
    with torch.no_grad():
        hidden = backbone.encode(batch)
    found, size = reply_states(hidden, batch), backbone.hidden_size
    assert found.shape == (3, REPLY * size)
    assert torch.equal(found[0, :size], hidden[0, 4])
    assert torch.allclose(found[0, size : 2 * size], hidden[0, 3:5].mean(0), atol=1e-6)
    assert torch.equal(found[1, size : 2 * size], hidden[0, 5])
    assert torch.equal(found[2, 2 * size : 3 * size], hidden[1, 0])
    assert torch.allclose(found[1, 4 * size :], hidden[0, 5] * hidden[0, 2])


def test_roles_without_an_adapter_share_one_reading(
    backbone: Backbone, monkeypatch: pytest.MonkeyPatch
) -> None:
    passes = []
    encode = Backbone.encode
    monkeypatch.setattr(Backbone, "encode", lambda self, batch: passes.append(1) or encode(self, batch))
    one, other = (Reader(backbone, name, REPLY, adapter=False) for name in ("reward", "judge"))
    trees = [branch([5, 6, 7], [[8, 9], [10]]), branch([11], [[12]])]
    first, second = one.states(trees, 100), other.states(trees[:1], 100)
    assert len(passes) == 1
    assert torch.equal(first[0], second[0])
    new = [branch([5, 6, 7], [[8, 9], [15]])]
    again = other.states(new, 100)[0]
    assert len(passes) == 2
    assert torch.allclose(again[0], first[0][0], atol=1e-6)
    assert not torch.allclose(again[1], first[0][1])


def test_a_role_reads_as_a_model_of_its_own_does(
    bare: Callable[..., PreTrainedModel], small: Callable[[str, str], Backbone]
) -> None:
    """Beside other roles on the shared backbone: the numbers of plain PEFT with this adapter alone."""
    shared = small("Llama", "grouped")
    shared.add_adapter("policy")
    reader = Reader(shared, "reward", width=REPLY)
    Reader(shared, "judge", width=REPLY)
    drawn = torch.Generator().manual_seed(1)
    for name in ("policy", "reward", "judge"):
        for parameter in shared.adapter(name).values():
            torch.nn.init.normal_(parameter, std=0.3, generator=drawn)
    torch.nn.init.normal_(reader.head.weight, generator=drawn)
    prompt, replies = [5, 6, 7], [[8, 9, 2], [10, 2]]
    found = reader.read_replies([branch(prompt, replies)], 1000)[0][:, 0]

    lora = LoraConfig(
        r=4, lora_alpha=8, target_modules=list(shared.config.lora_targets), layers_to_transform=[1, 2]
    )
    alone = get_peft_model(bare("Llama"), lora)
    for key, parameter in alone.named_parameters():
        if "lora_" in key:
            parameter.data = shared.adapter("reward")[key.replace(".default.", ".reward.")].data.clone()
    for reply, number in zip(replies, found, strict=True):
        with torch.no_grad():
            out = alone(input_ids=torch.tensor([prompt + reply]), output_hidden_states=True)
        states = out.hidden_states[-1][0]
        end, mean, context = states[-1], states[len(prompt) :].mean(0), states[len(prompt) - 1]
        read = torch.cat([end, mean, context, end * context, mean * context])
        assert torch.allclose(read @ reader.head.weight[0], number, rtol=1e-4, atol=1e-4)


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
