"""The rule functions (RF): one object that is reward, guard and check, and says which words it objects to."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import re2
from pydantic import ValidationError

from suasion.errors import InputError
from suasion.language.acts import load_hearing
from suasion.language.patterns import PatternSet
from suasion.negotiation.brief import Brief
from suasion.negotiation.dialogue import Dialogue
from suasion.negotiation.pack import Pack
from suasion.negotiation.tracker import Hearing, State, track
from suasion.rewards.own import OwnCodeFailedError, OwnReward, load_own_rewards
from suasion.rewards.rule_file import Rule, RuleFile, bind, compile_at, fault, own_version, validate
from suasion.rewards.scene import Check, Finding, Scene, compiled
from suasion.rewards.score import Evidence, Score, Source, Status, unread
from suasion.yaml_files import Loc, YamlFile, describe


@dataclass(frozen=True)
class RuleSet:
    """The pack's rules, compiled, and its rewards of one's own. `version` is a hash of their files."""

    pack: Pack
    hearing: Hearing
    rules: tuple[Rule, ...]
    version: str
    checks: Mapping[str, Check]
    breaks: "re2._Regexp | None" = None
    prefilter: PatternSet | None = None
    own: tuple[OwnReward, ...] = ()

    @classmethod
    def load(cls, pack: Pack) -> "RuleSet":
        """Read, compile and try out the rules of a pack; a pack without the file has none.

        Raises InputError with file, line and rule for the first fault: a pattern that RE2 refuses, a check,
        parameter, stage or key that is not known, an example that breaks, or a reward that can't be loaded.
        """
        hearing, own = load_hearing(pack), load_own_rewards(pack)
        added = [f"{one.name} {one.version}" for one in own]
        if not pack.has("rules.yaml"):
            return cls(pack, hearing, (), _hash("none", added) if added else "none", {}, own=own)
        file = pack.file("rules.yaml")
        content = file.parse(RuleFile)
        stages = {stage.id for stage in (*pack.sop.stages, *pack.sop.side_states)}
        checks = {}
        for index, rule in enumerate(content.rules):
            validate(rule, index, content.rules, stages, file)
            if rule.check:
                checks[rule.id] = bind(rule, index, file)
        added += [f"{rule.check} {of_own}" for rule in content.rules if (of_own := own_version(rule))]
        version = _hash(file.path.read_bytes().decode("utf-8"), added)
        breaks = compile_at(content.clause_breaks, False, file, ("clause_breaks",), "clause_breaks")
        prefilter = PatternSet([rule.any for rule in content.rules])  # a superset for the rules with `case`
        rules = cls(pack, hearing, content.rules, version, checks, breaks, prefilter, own)
        _try_examples(replace(rules, own=()), content, file)
        return rules

    def check(self, dialogue: Dialogue, state: State | None = None) -> Score:
        """Points of the reply, with one piece of evidence for each hit; not read when there is no reply.

        Where code that is not ours fails, the status is FAILED and there is no number; what was found before
        it, and what went wrong, stay as evidence. `state` is where the reply stands; tracked from the turns
        when not given.
        """
        if dialogue.reply is None:
            return unread(Source.RULES, Status.UNREAD, self.version)
        # A lone surrogate has no UTF-8 form, and a curly apostrophe is one all the same; lengths stay.
        reply = dialogue.reply.encode("utf-8", "replace").decode("utf-8").replace("\u2019", "'")
        state = state or track(dialogue, self.pack.sop, self.hearing)
        scene = Scene(self.pack, self.hearing, dialogue, state, reply)
        evidence: list[Evidence] = []
        try:
            evidence.extend(self._evidence(scene))  # what was found before a failure is kept
            for reward in self.own:
                evidence.extend(reward.read(dialogue, state))
        except OwnCodeFailedError as error:
            failure = Evidence(error.name, 0.0, note=f"failed: {error.why}")
            return Score(Source.RULES, Status.FAILED, None, (*evidence, failure), self.version)
        return Score(
            Source.RULES, Status.READ, sum(hit.points for hit in evidence), tuple(evidence), self.version
        )

    def _evidence(self, scene: Scene) -> Iterator[Evidence]:
        here = scene.state.side or scene.state.stage
        matching = self.prefilter.matching(scene.reply) if self.prefilter else frozenset()
        for index, rule in enumerate(self.rules):
            if rule.stages and here not in rule.stages:
                continue
            if rule.check:
                findings = self.checks[rule.id](scene)
            elif index in matching:
                findings = self._matches(rule, scene)
            else:
                continue
            for finding in findings:
                text = scene.reply[slice(*finding.span)] if finding.span else None
                note = finding.note or rule.note
                yield Evidence(rule.id, rule.points, rule.severity, finding.span, text, note)

    def _matches(self, rule: Rule, scene: Scene) -> Iterator[Finding]:
        pattern, unless = compiled(rule.any, rule.case), compiled(rule.unless, rule.case)
        for match in pattern.finditer(scene.reply) if pattern else ():
            start, end = match.span()
            quoted = any(a <= start and end <= b for a, b in scene.quotes)
            if start < end and not quoted and not (unless and unless.search(self._clause(scene, start))):
                yield Finding((start, end), "")

    def _clause(self, scene: Scene, place: int) -> str:
        """The words within which an exception excuses: "I can't promise" does not excuse "but you will"."""
        start, end = scene.sentence_at(place)
        text = scene.reply[start:end]
        cuts = (
            [0, *(match.start() for match in self.breaks.finditer(text)), len(text)]
            if self.breaks
            else [0, len(text)]
        )
        return next((text[a:b] for a, b in pairwise(cuts) if a <= place - start < b), text)


def _hash(text: str, added: Iterable[str]) -> str:
    """Twelve digits of the text's hash, and of what code of one's own adds to it."""
    return hashlib.sha256("\0".join([text, *added]).encode()).hexdigest()[:12]


def _try_examples(rules: RuleSet, content: RuleFile, file: YamlFile) -> None:
    for index, rule in enumerate(content.rules):
        for group, wanted in (("hits", True), ("passes", False)):
            for number, example in enumerate(getattr(rule, group)):
                loc: Loc = ("rules", index, group, number)
                try:
                    brief = Brief.model_validate(override_brief(content.example_brief, example.brief))
                    rules.pack.check_brief(brief)
                except ValidationError as error:
                    raise fault(file, loc, rule.id, f"brief: {describe(error.errors()[0])}") from None
                except InputError as error:
                    raise fault(file, loc, rule.id, f"{error.field}: {error.message}") from None
                score = rules.check(
                    Dialogue(id=rule.id, brief=brief, turns=example.after, reply=example.reply)
                )
                if score.status == Status.FAILED:
                    raise fault(file, loc, rule.id, f"{score.evidence[-1].name} {score.evidence[-1].note}")
                hit = next((one for one in score.evidence if one.name == rule.id), None)
                if wanted and hit is None:
                    raise fault(file, loc, rule.id, f"must object to {example.reply!r}, but does not")
                if not wanted and hit is not None:
                    words = f"objects to {hit.text!r} in " if hit.text else "objects to "
                    raise fault(
                        file, loc, rule.id, f"{words}{example.reply!r}, but must not. {hit.note}".rstrip()
                    )


def override_brief(base: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """`base` with the keys of `other`; a ticket of `other` says only how it differs from the first."""
    merged = {**base, **other}
    match base.get("tickets"), other.get("tickets"):
        case [[Mapping() as first, *_], [*tickets]]:  # what is none of this is the brief's to refuse
            merged["tickets"] = [{**first, **one} if isinstance(one, Mapping) else one for one in tickets]
    return merged
