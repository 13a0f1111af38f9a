"""RJ: a language model answers one yes/no question per criterion; E_judge = sum of points x P(yes)."""

import json
import math
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from suasion.data.rubric import Rubric
from suasion.errors import InputError
from suasion.negotiation.dialogue import Dialogue
from suasion.negotiation.pack import Pack
from suasion.policy.contexts import Group, group
from suasion.policy.heads import copy_adapter, fingerprint, load_tensors, save_tensors
from suasion.policy.model import Backbone
from suasion.policy.trees import Segment, Tree, TreeBatch, batches
from suasion.rewards.score import Evidence, Score, Source, Status, unread

QUESTION = "\n{question}"


class LocalJudge:
    """An adapter of the backbone fitted on verdicts; all questions share one reading of the dialogue.

    The log-odds of yes against no are read, per criterion, off two states: after the question, and at the
    end of the reply, which a small model does not learn to look up from a question in a few dozen steps.
    """

    def __init__(self, backbone: Backbone, pack: Pack, rubric: Rubric, budget: int = 2600) -> None:
        self.backbone, self.pack, self.rubric, self.budget = backbone, pack, rubric, budget
        self.name = "judge"
        self.agreement: dict[str, dict[str, float]] = {}
        self.floor = 0.0
        backbone.add_adapter(self.name, backbone.config.role_layers)
        self.questions = tuple(self._tokens(QUESTION.format(question=c.question)) for c in rubric.criteria)
        count, device = len(self.questions), backbone.device
        self.weight = nn.Parameter(torch.zeros(count, 2 * backbone.hidden_size, device=device))  # (C, 2H)
        self.bias = nn.Parameter(torch.zeros(count, device=device))  # (C,)

    @property
    def version(self) -> str:
        read = ",".join(sorted(self.trusted))
        return f"local:{self.rubric.version}:{fingerprint(self.state())}:{read}"

    @property
    def trusted(self) -> frozenset[str]:
        """Criteria whose agreement with held-out verdicts reaches the floor; all, before it was measured."""
        return frozenset(
            c.id
            for c in self.rubric.criteria
            if self.agreement.get(c.id, {"kappa": math.inf})["kappa"] >= self.floor
        )

    def parameters(self) -> list[nn.Parameter]:
        return [*self.backbone.adapter(self.name).values(), self.weight, self.bias]

    @torch.no_grad()
    def start_from_shares(self, criteria: Tensor, targets: Tensor) -> None:
        """Answer each criterion with its share of yes before the first step; labels (N,) and whose they are.

        The untouched model says no to everything, and a few dozen steps would go to finding the shares.
        """
        for index in range(len(self.bias)):
            yes = targets[criteria == index]
            self.bias[index] = torch.logit((yes.sum() + 1) / (len(yes) + 2))

    def _tokens(self, text: str) -> tuple[int, ...]:
        return tuple(self.backbone.tokenizer(text, add_special_tokens=False)["input_ids"])

    def tree(self, found: Group, asked: Sequence[Sequence[int]] | None = None) -> Tree:
        """Context, the replies under it, and under each reply every question, or those `asked` of it."""
        every = range(len(self.questions))
        segments = [Segment(found.prompt)]
        for place, reply in enumerate(found.replies):
            segments.append(Segment(reply, 0))
            parent = len(segments) - 1
            chosen = every if asked is None else asked[place]
            segments += [Segment(self.questions[criterion], parent) for criterion in chosen]
        return tuple(segments)

    def read(self, batch: TreeBatch, trees: Sequence[Tree], criteria: Sequence[Tensor]) -> list[Tensor]:
        """Log-odds of yes for each tree's questions in order, of which `criteria` says which they are."""
        hidden = self.backbone.encode(batch)
        odds = []
        for row, (tree, asked) in enumerate(zip(trees, criteria, strict=True)):
            ends = [span.stop - 1 for span in batch.spans[row]]
            # a question hangs under a reply, so its parent is neither None nor the root (0)
            questions = [(ends[place], ends[part.parent]) for place, part in enumerate(tree) if part.parent]
            after, before = zip(*questions, strict=True)
            states = torch.cat([hidden[row, after], hidden[row, before]], dim=-1).float()  # (Q, 2H)
            odds.append((states * self.weight[asked]).sum(-1) + self.bias[asked])
        return odds

    @torch.no_grad()
    def probabilities(self, dialogues: Sequence[Dialogue]) -> list[list[float]]:
        """P(yes) per criterion for the reply of each dialogue."""
        groups = group(self.backbone, self.pack, dialogues)
        trees = [self.tree(found) for found in groups]
        results: list[list[float]] = [[] for _ in dialogues]
        every = torch.arange(len(self.questions))
        with self.backbone.role(self.name):
            for indices, batch in batches(trees, self.budget):
                asked = [every.repeat(len(groups[index].replies)) for index in indices]
                found = self.read(batch, [trees[index] for index in indices], asked)
                for index, odds in zip(indices, found, strict=True):
                    rows = torch.sigmoid(odds).view(-1, len(every)).tolist()
                    for place, row in zip(groups[index].places, rows, strict=True):
                        results[place] = row
        return results

    def score(self, dialogues: Sequence[Dialogue]) -> list[Score]:
        trusted, version = self.trusted, self.version
        return [verdict(row, self.rubric, version, trusted) for row in self.probabilities(dialogues)]

    def state(self) -> dict[str, Tensor]:
        adapter = {key: value.detach().cpu() for key, value in self.backbone.adapter(self.name).items()}
        return adapter | {"weight": self.weight.detach().cpu(), "bias": self.bias.detach().cpu()}

    def save(self, folder: Path) -> None:
        save_tensors(folder / "judge.safetensors", self.state())
        content = {"floor": self.floor, "agreement": self.agreement}
        (folder / "judge.json").write_text(json.dumps(content, indent=1), encoding="utf-8")

    @classmethod
    def load(cls, backbone: Backbone, pack: Pack, rubric: Rubric, folder: Path) -> "LocalJudge":
        """Raises InputError when a file is missing, broken or made for another rubric."""
        judge = cls(backbone, pack, rubric)
        tensors, path = load_tensors(folder / "judge.safetensors"), folder / "judge.json"
        copy_adapter(backbone, judge.name, tensors)
        try:
            judge.weight.data.copy_(tensors["weight"])
            judge.bias.data.copy_(tensors["bias"])
            content = json.loads(path.read_text(encoding="utf-8"))
            judge.floor, judge.agreement = float(content["floor"]), dict(content["agreement"])
        except (OSError, ValueError, KeyError, RuntimeError) as error:
            raise InputError(f"no judge for this rubric: {error}", str(path)) from None
        return judge


def verdict(
    probabilities: Sequence[float], rubric: Rubric, version: str, trusted: frozenset[str] | None = None
) -> Score:
    """Points x probability, summed over the trusted criteria (all by default)."""
    evidence = tuple(
        Evidence(criterion.id, criterion.points * p, note=criterion.question, probability=p)
        for criterion, p in zip(rubric.criteria, probabilities, strict=True)
        if trusted is None or criterion.id in trusted
    )
    if not evidence:
        return unread(Source.JUDGE)
    return Score(Source.JUDGE, Status.READ, sum(e.points for e in evidence), evidence, version)
