"""RJ: a language model answers one yes/no question per criterion; E_judge = sum of points x P(yes)."""

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from suasion.data.rubric import Rubric
from suasion.negotiation.dialogue import Dialogue
from suasion.negotiation.pack import Pack
from suasion.policy.contexts import Group, group
from suasion.policy.heads import copy_adapter, load_tensors, save_tensors
from suasion.policy.model import Backbone
from suasion.policy.trees import Segment, Tree, TreeBatch, batches
from suasion.rewards.score import Evidence, Score, Source, Status

QUESTION = "\n[{question} yes or no?]"
YES, NO = " yes", " no"


class LocalJudge:
    """An adapter of the backbone fitted on verdicts; all questions share one reading of the dialogue."""

    def __init__(self, backbone: Backbone, pack: Pack, rubric: Rubric, budget: int = 2600) -> None:
        self.backbone, self.pack, self.rubric, self.budget = backbone, pack, rubric, budget
        self.name = "judge"
        backbone.add_adapter(self.name, backbone.config.role_layers)
        self.questions = tuple(self._tokens(QUESTION.format(question=c.question)) for c in rubric.criteria)
        self.answers = (self._tokens(YES)[0], self._tokens(NO)[0])

    @property
    def version(self) -> str:
        return f"local:{self.rubric.version}"

    def _tokens(self, text: str) -> tuple[int, ...]:
        return tuple(self.backbone.tokenizer(text, add_special_tokens=False)["input_ids"])

    def tree(self, found: Group) -> Tree:
        """Context, the replies under it, and under each reply every question."""
        segments = [Segment(found.prompt)]
        for reply in found.replies:
            segments.append(Segment(reply, 0))
            parent = len(segments) - 1
            segments += [Segment(question, parent) for question in self.questions]
        return tuple(segments)

    def answer_logits(self, batch: TreeBatch) -> list[Tensor]:
        """For each tree log-odds of yes against no: (replies, criteria)."""
        hidden = self.backbone.encode(batch)
        head = self.backbone.plain.get_output_embeddings().weight
        direction = (head[self.answers[0]] - head[self.answers[1]]).float()
        odds = []
        size = len(self.questions) + 1
        for row, spans in enumerate(batch.spans):
            ends = [span.stop - 1 for index, span in enumerate(spans[1:]) if index % size]
            odds.append((hidden[row, ends].float() @ direction).view(-1, len(self.questions)))
        return odds

    @torch.no_grad()
    def probabilities(self, dialogues: Sequence[Dialogue]) -> list[list[float]]:
        """P(yes) per criterion for the reply of each dialogue."""
        groups = group(self.backbone, self.pack, dialogues)
        results: list[list[float]] = [[] for _ in dialogues]
        with self.backbone.role(self.name):
            for indices, batch in batches([self.tree(found) for found in groups], self.budget):
                for index, odds in zip(indices, self.answer_logits(batch), strict=True):
                    for place, row in zip(groups[index].places, torch.sigmoid(odds).tolist(), strict=True):
                        results[place] = row
        return results

    def score(self, dialogues: Sequence[Dialogue]) -> list[Score]:
        return [verdict(row, self.rubric, self.version) for row in self.probabilities(dialogues)]

    def save(self, folder: Path) -> None:
        state = {key: value.detach().cpu() for key, value in self.backbone.adapter(self.name).items()}
        save_tensors(folder / "judge.safetensors", state)

    @classmethod
    def load(cls, backbone: Backbone, pack: Pack, rubric: Rubric, folder: Path) -> "LocalJudge":
        judge = cls(backbone, pack, rubric)
        copy_adapter(backbone, judge.name, load_tensors(folder / "judge.safetensors"))
        return judge


def verdict(probabilities: Sequence[float], rubric: Rubric, version: str) -> Score:
    """Points x probability, summed over the criteria."""
    evidence = tuple(
        Evidence(criterion.id, criterion.points * p, note=criterion.question, probability=p)
        for criterion, p in zip(rubric.criteria, probabilities, strict=True)
    )
    return Score(Source.JUDGE, Status.READ, sum(e.points for e in evidence), evidence, version)
