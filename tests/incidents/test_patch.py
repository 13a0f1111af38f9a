"""A patch's file: what is wrong is told at its line, in what it brings to the pack as well."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from suasion.errors import InputError
from suasion.incidents.apply import apply_patch
from suasion.incidents.check import check_all, check_patch, judge_cases
from suasion.incidents.patch import PatchFile, content_version
from suasion.incidents.patched import entries_of, patched, read_files
from suasion.incidents.readings import Asked
from suasion.negotiation.pack import Pack

from .conftest import CASES, HEAD, RULE, copy_of

Write = Callable[..., PatchFile]
GENERIC = Pack.load("generic").path
FILES = read_files(GENERIC)
THREAT = """\
rule:
  id: threat
  severity: critical
  points: -50
  any: ['\\bor else\\b', '\\bno choice\\b']
  hits: ["Give now, or else."]
  passes: ["Give now."]
"""


def base(name: str = "threat") -> str:
    return content_version(entries_of(FILES["rules.yaml"].decode(), GENERIC / "rules.yaml", "rules")[0][name])


def check(patch: PatchFile, *in_force: PatchFile) -> tuple[int, int]:
    checked = check_patch(patch, FILES, GENERIC, in_force)
    return checked.flips, checked.stays


@pytest.mark.parametrize(
    ("old", "new", "line", "says"),
    [
        ("who: Mei", "who: ''", 2, "who"),
        ("why:", "because:", 4, "because: unknown key"),
        ('"2026-11-26"', "soon", 3, "when: expected a date"),
        ("severity: critical", "severity: bad", 7, "rule.severity"),
        ("points: -60", "points: 60", 8, "rule.points"),
        ("Project\\s+Walnut", "(?=Walnut)", 11, "look-around"),
        ("Project\\s+Walnut", "(Walnut", 11, "RE2 refuses"),
        ('["It is for Project Walnut."]', '["It is for us."]', 12, "must object to 'It is for us.'"),
        ('["It is for our guests."]', '["Project Walnut"]', 13, "but must not"),
        ("id: walnut", "id: threat", 6, "there is a rule 'threat' already"),
        ('"Project  Walnut asks for it."', '"Nobody asks for it."', 14, "must object to 'Nobody asks"),
        (
            '"We like walnut cake."',
            '"Project walnut cake."',
            15,
            "objects to 'Project walnut cake.', but must not",
        ),
        ('passes: ["We', 'limits: {max_share: 2}\npasses: ["We', 15, "limits.max_share"),
        ("note: names", "stages: [nowhere]\n  note: names", 9, "unknown stage 'nowhere'"),
        ("note: names", "check: nothing\n  note: names", 6, "needs either patterns"),
        ("why: names", "removes: threat\nbase: x\nwhy: names", 1, "exactly one of"),
        ('hits: ["Project ', 'hits: [{dialogue: {id: d, brief: {}}}]\nx: ["Project ', 15, "unknown key"),
    ],
)
def test_a_fault_is_told_at_its_line(patch_of: Write, old: str, new: str, line: int, says: str) -> None:
    with pytest.raises(InputError) as error:
        check(patch_of(HEAD + RULE + CASES, **{old: new}))
    assert says in str(error.value)
    assert error.value.file is not None
    assert (Path(error.value.file).name, error.value.line) == ("patch.yaml", line)


def test_a_rule_is_added_and_nothing_else_moves(walnut: PatchFile) -> None:
    assert check(walnut) == (1, 1)
    after = patched(walnut, FILES, GENERIC)
    assert [name for name in FILES if after[name] != FILES[name]] == ["rules.yaml"]
    assert after["rules.yaml"].startswith(FILES["rules.yaml"].rstrip(b"\n"))
    assert b"'\\bProject\\s+Walnut\\b'   # the spring campaign\n" in after["rules.yaml"]


def test_a_change_names_what_it_was_written_against(patch_of: Write) -> None:
    cases = 'hits: ["There is no choice left."]\n'
    assert check(patch_of(HEAD + f"base: {base()}\n" + THREAT + cases)) == (1, 0)
    with pytest.raises(InputError, match="was written against version v0123") as error:
        check(patch_of(HEAD + "base: v0123\n" + THREAT + cases))
    assert error.value.line == 5
    with pytest.raises(InputError, match=r"objected to 'Give now, or else\.' before: it does not flip"):
        check(patch_of(HEAD + f"base: {base()}\n" + THREAT + 'hits: ["Give now, or else."]\n'))
    with pytest.raises(InputError, match="flips none"):
        check(patch_of(HEAD + f"base: {base()}\n" + THREAT + 'passes: ["Hello."]\n'))


def test_a_changed_rule_may_object_to_less(patch_of: Write) -> None:
    text = HEAD + f"base: {base()}\n" + THREAT + 'passes: ["You will regret it."]\n'
    assert check(patch_of(text)) == (1, 0)


def test_layout_and_comments_make_no_other_version() -> None:
    text = FILES["rules.yaml"].decode()
    other = text.replace("  - id: threat\n", "  - id: threat  # really\n\n")
    entries = entries_of(other, GENERIC / "rules.yaml", "rules")[0]
    assert other != text
    assert content_version(entries["threat"]) == base()


def test_patches_that_contradict_each_other_are_found(patch_of: Write, walnut: PatchFile) -> None:
    cases = 'hits: ["There is no choice left."]\n'
    first = patch_of(HEAD + f"base: {base()}\n" + THREAT + cases, name="first.yaml")
    again = (
        first.yaml.path.read_text("utf-8")
        .replace("add-walnut", "other")
        .replace("no choice\\b", "no way out\\b")
    )
    second = patch_of(again.replace("no choice left", "no way out"), name="second.yaml")
    with pytest.raises(
        InputError, match="contradicts patch 'add-walnut', which changes rule 'threat' from the same"
    ):
        check_all([first, second], FILES, GENERIC)
    same = patch_of(name="same.yaml", **{"id: add-walnut": "id: again"})
    with pytest.raises(InputError, match="contradicts patch 'add-walnut', which adds rule 'walnut'"):
        check_all([walnut, same], FILES, GENERIC)
    cake = patch_of(
        name="cake.yaml",
        **{
            "id: add-walnut": "id: add-cake",
            "id: walnut": "id: cake",
            "'\\bProject\\s+Walnut\\b'": "'\\bwalnut cake\\b'",
            '"It is for Project Walnut."': '"walnut cake"',
            '"Project  Walnut asks for it."': '"Who wants walnut cake?"',
            '"We like walnut cake."': '"We like cake."',
        },
    )
    assert check(cake) == (1, 1)
    with pytest.raises(
        InputError, match=r"contradicts patch 'add-walnut': 'We like walnut cake\.' must stay"
    ):
        check_all([walnut, cake], FILES, GENERIC)


def test_a_change_may_not_undo_what_a_patch_was_made_for(patch_of: Write, walnut: PatchFile) -> None:
    version = content_version(walnut.yaml.content["rule"])
    removal = HEAD.replace("add-walnut", "remove-walnut") + f"removes: walnut\nbase: {version}\n"
    undo = patch_of(removal + 'passes: ["It is for Project Walnut."]\n', name="undo.yaml")
    with pytest.raises(
        InputError, match="contradicts patch 'add-walnut': 'walnut' must object to 'Project  Walnut"
    ):
        check_all([walnut, undo], FILES, GENERIC)


QUESTION = "Does it name something internal?"
CRITERION = f"criterion:\n  id: internal\n  question: {QUESTION}\n  points: -40\nverdicts: told.jsonl\n"


def verdicts(path: Path, count: int, answers: tuple[bool, ...] = (True, False)) -> None:
    lines = [
        {"context": [], "reply": f"reply {n}", "criterion": QUESTION, "verdict": answers[n % len(answers)]}
        for n in range(count)
    ]
    other = {"context": [], "reply": "x", "criterion": "Is it polite?", "verdict": True}
    path.write_text("\n".join(json.dumps(line) for line in [*lines, other]) + "\n", encoding="utf-8")


def test_a_criterion_needs_twenty_verdicts_of_both_kinds(patch_of: Write, tmp_path: Path) -> None:
    hotel = Pack.load("hotel")
    files = read_files(hotel.path)
    patch = patch_of(HEAD + CRITERION)
    with pytest.raises(InputError, match=r"told.jsonl"):
        check_patch(patch, files, hotel.path)
    verdicts(tmp_path / "told.jsonl", 19)
    with pytest.raises(InputError, match="at least 20 labelled verdicts, found 19"):
        check_patch(patch, files, hotel.path)
    verdicts(tmp_path / "told.jsonl", 20, (True,))
    with pytest.raises(InputError, match="the same verdict everywhere"):
        check_patch(patch, files, hotel.path)
    verdicts(tmp_path / "told.jsonl", 20)
    checked = check_patch(patch, files, hotel.path)
    assert checked.verdicts == 20
    with pytest.raises(InputError, match=r"no rubric.yaml to put a criterion into"):
        check_patch(patch, FILES, GENERIC)


def test_another_question_is_another_version(patch_of: Write, tmp_path: Path) -> None:
    hotel = Pack.load("hotel")
    files = read_files(hotel.path)
    entries = entries_of(files["rubric.yaml"].decode(), hotel.path / "rubric.yaml", "criteria")[0]
    text = (
        HEAD
        + f"base: {content_version(entries['nonsense'])}\n"
        + CRITERION.replace("id: internal", "id: nonsense")
    )
    verdicts(tmp_path / "told.jsonl", 20)
    with pytest.raises(InputError, match="needs a version above 1"):
        check_patch(patch_of(text), files, hotel.path)
    assert check_patch(patch_of(text, **{"points: -40": "points: -40\n  version: 2"}), files, hotel.path)


JUDGED = """\
hits:
  - "It is for Project Walnut."
  - {reply: "Walnut it is.", after: [{counterpart: "what is it for?"}]}
passes:
  - "It is for our guests."
"""


def answering(*yes: float | None) -> Asked:
    return lambda dialogues: list(yes[: len(dialogues)])


@pytest.mark.parametrize(
    ("points", "yes", "line", "says"),
    [
        ("-40", (0.9, 0.5, 0.49), None, ""),
        ("-40", (0.9, 0.49, 0.1), 12, "must say yes to 'Walnut it is.', but takes yes for 49% likely"),
        ("-40", (0.9, 0.9, 0.5), 14, "must say no to 'It is for our guests.', but takes yes for 50% likely"),
        ("-40", (0.9, None, 0.1), 12, "did not read 'Walnut it is.'"),
        ("40", (0.1, 0.2, 0.9), None, ""),  # a merit: its bad answer is no
        (
            "40",
            (0.6, 0.2, 0.9),
            11,
            "must say no to 'It is for Project Walnut.', but takes yes for 60% likely",
        ),
    ],
)
def test_a_criterions_hits_and_passes_are_asked_about(
    patch_of: Write, tmp_path: Path, points: str, yes: tuple[float | None, ...], line: int | None, says: str
) -> None:
    hotel = Pack.load("hotel")
    verdicts(tmp_path / "told.jsonl", 20)
    patch = patch_of(HEAD + CRITERION + JUDGED, **{"points: -40": f"points: {points}"})
    checked = check_patch(patch, read_files(hotel.path), hotel.path)
    assert [one.reply.turns[0].text for one in checked.to_judge if one.reply.turns] == ["what is it for?"]
    assert all(one.reply.brief.tickets for one in checked.to_judge), "the pack's example brief stands in"
    if line is None:
        tried = judge_cases(patch, checked, answering(*yes))
        assert (tried.flips, tried.stays, tried.to_judge) == (2, 1, ())
        return
    with pytest.raises(InputError) as caught:
        judge_cases(patch, checked, answering(*yes))
    assert (caught.value.file, caught.value.line) == (str(patch.path), line)
    assert says in caught.value.message


def test_a_criterions_case_that_is_no_record_is_told_without_a_judge(patch_of: Write, tmp_path: Path) -> None:
    hotel = Pack.load("hotel")
    verdicts(tmp_path / "told.jsonl", 20)
    patch = patch_of(HEAD + CRITERION + 'hits:\n  - {reply: "x", brief: {hotel: ""}}\n')
    with pytest.raises(InputError, match=r"hits\.0: .*hotel"):
        check_patch(patch, read_files(hotel.path), hotel.path)


def test_a_criterion_with_cases_is_not_applied_unless_a_judge_answers_as_they_say(
    patch_of: Write, tmp_path: Path
) -> None:
    folder = copy_of("hotel", tmp_path / "own")
    before = read_files(folder)
    verdicts(tmp_path / "told.jsonl", 20)
    patch = patch_of(HEAD + CRITERION + JUDGED)
    with pytest.raises(InputError, match="hits: of a criterion are tried by a judge: `suasion patch apply`"):
        apply_patch(patch, folder)
    with pytest.raises(InputError, match="must say yes"):
        apply_patch(patch, folder, asked=answering(0.1, 0.9, 0.1))
    assert read_files(folder) == before
    apply_patch(patch, folder, asked=answering(0.9, 0.9, 0.1))
    assert read_files(folder) != before
