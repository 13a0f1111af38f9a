"""A pack is a domain: a folder of versioned, checked data files (see docs/packs.md)."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.resources import files
from pathlib import Path
from string import Formatter
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
    model_validator,
)

from suasion.errors import InputError
from suasion.negotiation.brief import Brief
from suasion.negotiation.sop import Sop, load_sop
from suasion.yaml_files import YamlFile, read_yaml

# The notes of a prompt: which slots each may have, and what it looks like.
NOTE_SLOTS = {
    "silence": ([], ["minutes"]),
    "opening": ([],),
    "stage": (["stage"], ["notes", "stage"]),
}
NOTE_EXAMPLES = {
    "silence": "'[no reply for {minutes:g} minutes]'",
    "opening": "'[start]'",
    "stage": "'[{stage}{notes}]', with {stage} and at most {notes}",
}


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class DetailField(_Frozen):
    """A field that a brief or a ticket has in this domain."""

    type: Literal["text", "date"] = "text"
    required: bool = True
    after: str | None = Field(default=None, description="another date of the same ticket that comes first")


def _stays_within_the_note(value: str) -> str:
    if not all(slot.isidentifier() for slot in _slots(value)) or set(value) & set("[]"):
        raise ValueError("expected plain slots as in '{item}', and no square brackets")
    return value


Note = Annotated[str, AfterValidator(_stays_within_the_note)]


class Notes(_Frozen):
    """What is added to the stage where it is so, each with the ticket's slots; "" says nothing."""

    several: Note = Field("", description="there are several tickets: which one it is about")
    stages: dict[str, Note] = Field(
        {}, description="what the reply of a stage or side state, by its id, needs to have at hand"
    )
    offered: Note = Field("", description="the other side's price {offer} that is not acceptable, as selling")
    agreed: Note = Field("", description="a price that is {agreed}, as selling, and not yet restated")


class Prompt(_Frozen):
    """How a brief becomes the policy's system prompt; slots in braces are filled from brief and ticket.

    Silence, opening and stage are told among the turns, in square brackets: nobody else's stand in a prompt.
    """

    system: str
    ticket: str = ""
    competitor: str = ""
    facts: str = "{facts}"
    silence: str = "[no reply for {minutes:g} minutes]"
    opening: str = "[start]"
    stage: str = Field("", description="told after the other side's words: the SOP stage of the next reply")
    notes: Notes = Notes()

    @field_validator("silence", "opening", "stage")
    @classmethod
    def _is_a_note(cls, value: str, info: ValidationInfo) -> str:
        name = str(info.field_name)
        if name == "stage" and not value:
            return value  # no stage is told
        enclosed = value[:1] + value[-1:] == "[]" and not set(value[1:-1]) & set("[]")
        slots = sorted(_slots(value))
        if name == "silence":
            slots = [slot.partition(":")[0] for slot in slots]  # a number may have a format
        if not enclosed or slots not in NOTE_SLOTS[name]:
            raise ValueError(f"expected a note in square brackets, as in {NOTE_EXAMPLES[name]}")
        return value

    @model_validator(mode="after")
    def _has_room_for_notes(self) -> "Prompt":
        if self.notes != Notes() and "notes" not in _slots(self.stage):
            raise ValueError("notes: nothing says where they stand; expected {notes} in prompt.stage")
        return self


def _slots(template: str) -> list[str]:
    """Names of a template's slots, with a conversion or format where there is one."""
    try:
        parts = list(Formatter().parse(template))
    except ValueError as error:
        raise ValueError(f"slots stand in braces: {error}") from None
    return [
        name + (f"!{conversion}" if conversion else "") + (f":{form}" if form else "")
        for _, name, form, conversion in parts
        if name is not None
    ]


class Manifest(_Frozen):
    """`pack.yaml`: what the domain is called and what its briefs hold."""

    id: str
    version: int
    title: str
    locale: str = "en"
    brief: dict[str, DetailField] = {}
    ticket: dict[str, DetailField] = {}
    prompt: Prompt
    rewards: tuple[str, ...] = Field(
        default=(), description="rewards of one's own: module:function, or names of entry points"
    )


class Intent(_Frozen):
    """One dialogue act and how it is recognised: RE2 patterns, case-insensitive, any of them."""

    id: str
    speaker: Literal["agent", "counterpart"]
    patterns: tuple[str, ...]
    unless: tuple[str, ...] = Field(default=(), description="patterns that take the act away again")
    hits: tuple[str, ...]
    passes: tuple[str, ...] = ()


class Intents(_Frozen):
    version: int
    intents: tuple[Intent, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Pack:
    """The loaded domain. `file(name)` gives any other data file of the folder with its lines."""

    path: Path
    manifest: Manifest
    intents: Intents
    sop: Sop

    @classmethod
    def load(cls, name: str | Path) -> "Pack":
        """Load a built-in pack by name or any pack by folder.

        Raises InputError naming file, line and field of the first fault.
        """
        path = find_pack(name)
        return _load(path, _version_of(path))

    @property
    def id(self) -> str:
        return self.manifest.id

    def file(self, name: str) -> YamlFile:
        return read_yaml(self.path / name)

    def has(self, name: str) -> bool:
        return (self.path / name).is_file()

    @property
    def version(self) -> str:
        """Hash of all data files: a change of any of them is another version."""
        return _version_of(self.path)

    def check_brief(self, brief: Brief) -> None:
        """Raise InputError when the brief lacks a field of this domain or has one that it does not know."""
        _check_fields(brief.details, self.manifest.brief, "brief")
        for index, ticket in enumerate(brief.tickets):
            _check_fields(ticket.details, self.manifest.ticket, f"brief.tickets.{index}")


def _version_of(folder: Path) -> str:
    return files_version({path.name: path.read_bytes() for path in folder.glob("*.yaml")})


def files_version(files: Mapping[str, bytes]) -> str:
    """The version of a pack that has these data files, by name."""
    digest = hashlib.sha256()
    for name, content in sorted(files.items()):
        digest.update(name.encode() + b"\0" + content + b"\0")
    return digest.hexdigest()[:12]


def find_pack(name: str | Path) -> Path:
    """The folder of a built-in pack, or `name` itself when it is a folder with a pack.yaml."""
    path = Path(name)
    if (path / "pack.yaml").is_file():
        return path
    built_in = Path(str(files("suasion") / "packs" / str(name)))
    if (built_in / "pack.yaml").is_file():
        return built_in
    known = sorted(folder.parent.name for folder in built_in.parent.glob("*/pack.yaml"))
    raise InputError(
        f"no such pack; built in are {', '.join(known)}, or give a folder with a pack.yaml", str(name)
    )


@cache
def _load(path: Path, version: str) -> Pack:
    """`version` is there for the cache: a folder that was changed is loaded anew."""
    file = read_yaml(path / "pack.yaml")
    manifest = file.parse(Manifest)
    intents = read_yaml(path / "intents.yaml").parse(Intents)
    acts = [f"{intent.speaker}.{intent.id}" for intent in intents.intents]
    sop = load_sop(read_yaml(path / "sop.yaml"), acts)
    known = [step.id for step in (*sop.stages, *sop.side_states)]
    for stage in manifest.prompt.notes.stages:
        if stage not in known:
            raise file.error(
                f"no such stage; the SOP has {', '.join(known)}", ("prompt", "notes", "stages", stage)
            )
    return Pack(path, manifest, intents, sop)


def _check_fields(found: Mapping[str, Any], declared: Mapping[str, DetailField], where: str) -> None:
    for key in found:
        if key not in declared:
            raise InputError(f"unknown key; the pack knows {', '.join(declared)}", field=f"{where}.{key}")
    for key, field in declared.items():
        value = found.get(key)
        if value is None:
            if field.required:
                raise InputError("required, but missing", field=f"{where}.{key}")
            continue
        if not isinstance(value, str) or not value.strip():
            raise InputError(f"expected text, found {value!r}", field=f"{where}.{key}")
        if field.type == "date":
            try:
                date.fromisoformat(value)
            except ValueError:
                raise InputError(
                    f"expected a date as 2026-12-01, found {value!r}", field=f"{where}.{key}"
                ) from None
    for key, field in declared.items():
        if field.after and str(found.get(key)) <= str(found.get(field.after)):
            raise InputError(
                f"must come after {field.after}, found {found.get(key)!r}", field=f"{where}.{key}"
            )
