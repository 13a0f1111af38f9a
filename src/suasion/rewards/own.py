"""Rewards and checks of one's own: code that a pack names, with the status, evidence and version of ours.

A name is `module:attribute`, imported as it stands, or one that an installed package registered as an entry
point. Nothing else is loaded, and no folder is put on the path: a pack can run only what the user's own
environment already has. What such code raises is recorded as a failed reading, never as a number.
"""

import hashlib
import inspect
import math
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any, Literal

from suasion.negotiation.dialogue import Dialogue
from suasion.negotiation.pack import Pack
from suasion.negotiation.tracker import State
from suasion.rewards.score import Evidence
from suasion.yaml_files import Loc, YamlFile

Group = Literal["suasion.rewards", "suasion.checks"]
_ATTRIBUTE = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_][\w.]*")


class OwnCodeFailedError(Exception):
    """A reward or check that is not ours raised, or answered with what is none. `name` says which."""

    def __init__(self, name: str, why: str) -> None:
        super().__init__(f"{name}: {why}")
        self.name, self.why = name, why


@dataclass(frozen=True, slots=True)
class OwnReward:
    """A reward that the pack names: `(dialogue)` or `(dialogue, state)` to an iterable of Evidence.

    Its points are the sum of the evidence's. `version` is the object's own, else a hash of its source file.
    """

    name: str
    call: Callable[..., Iterable[Evidence]]
    version: str
    wants_state: bool

    def read(self, dialogue: Dialogue, state: State) -> tuple[Evidence, ...]:
        """What it finds in the reply. Raises OwnCodeFailedError for whatever goes wrong in it."""
        try:
            found = tuple(self.call(dialogue, state) if self.wants_state else self.call(dialogue))
        except Exception as error:
            raise OwnCodeFailedError(self.name, _told(error)) from error
        for one in found:
            _check_evidence(one, dialogue.reply or "", self.name)
        return found


def load_own_rewards(pack: Pack) -> tuple[OwnReward, ...]:
    """The rewards that `pack.yaml` names. Raises InputError with its line for one that can't be loaded."""
    if not pack.manifest.rewards:
        return ()
    file = pack.file("pack.yaml")
    return tuple(_reward(name, file, ("rewards", index)) for index, name in enumerate(pack.manifest.rewards))


def _reward(name: str, file: YamlFile, loc: Loc) -> OwnReward:
    found = load_named(name, "suasion.rewards", file, loc)
    version = version_of(found)
    call = _made(found, name, file, loc) if inspect.isclass(found) else found
    if not callable(call):
        raise file.error(f"{name} is a {type(call).__name__}; expected a function or a class", loc)
    try:
        places = [
            one
            for one in inspect.signature(call).parameters.values()
            if one.default is one.empty and one.kind in (one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD)
        ]
    except (TypeError, ValueError) as error:
        raise file.error(f"{name}: {error}", loc) from None
    if len(places) not in (1, 2):
        what = f"{name} takes {len(places)} arguments; a reward takes (dialogue) or (dialogue, state)"
        raise file.error(what, loc)
    return OwnReward(name, call, version, len(places) == 2)


def _made(kind: Any, name: str, file: YamlFile, loc: Loc) -> Any:
    try:
        return kind()
    except Exception as error:  # noqa: BLE001 - not our code; told with the line that names it
        raise file.error(f"{name} can't be made without arguments: {_told(error)}", loc) from None


def load_named(name: str, group: Group, file: YamlFile, loc: Loc) -> Any:
    """The object of `module:attribute`, or of an entry point of the group.

    Raises InputError at `loc` of the file that names it: no such name, or its import fails.
    """
    if _ATTRIBUTE.fullmatch(name):
        module, _, path = name.partition(":")
        try:
            found: Any = import_module(module)
            for part in path.split("."):
                found = getattr(found, part)
            return found
        except ModuleNotFoundError as error:
            what = f"no module {error.name!r} for {name}; install it, or put its folder on PYTHONPATH"
            raise file.error(what, loc) from None
        except Exception as error:  # noqa: BLE001 - an import runs code that is not ours
            raise file.error(f"{name} can't be loaded: {_told(error)}", loc) from None
    registered = {one.name: one for one in entry_points(group=group)}
    if name not in registered:
        listed = ", ".join(sorted(registered)) or "none"
        what = (
            f"unknown name {name!r}; give module:function, or a name registered as {group} (there: {listed})"
        )
        raise file.error(what, loc)
    try:
        return registered[name].load()
    except Exception as error:  # noqa: BLE001 - an import runs code that is not ours
        raise file.error(f"{name} ({registered[name].value}) can't be loaded: {_told(error)}", loc) from None


def version_of(found: Any) -> str:
    """The object's `version` where it has one, else a hash of the file that it is written in."""
    own = getattr(found, "version", None)
    if isinstance(own, str | int):
        return str(own)
    written = found if inspect.isroutine(found) or inspect.isclass(found) else type(found)
    try:
        source = inspect.getsourcefile(written)
    except TypeError:  # built into the interpreter
        source = None
    if source is None:
        return "unknown"
    with open(source, "rb") as code:
        return hashlib.sha256(code.read()).hexdigest()[:12]


def _check_evidence(one: object, reply: str, name: str) -> None:
    if not isinstance(one, Evidence):
        raise OwnCodeFailedError(name, f"answers with {type(one).__name__}; expected suasion.Evidence")
    points: object = one.points  # declared is not kept, in code that is not ours
    if not isinstance(points, int | float) or not math.isfinite(points):
        raise OwnCodeFailedError(name, f"points are a finite number, found {points!r}")
    check_span(one.span, reply, name)


def check_span(span: object, reply: str, name: str) -> None:
    """Raises OwnCodeFailedError for a span that does not lie in the reply."""
    match span:
        case None:
            return
        case (int(start), int(end)) if 0 <= start <= end <= len(reply):
            return
    raise OwnCodeFailedError(name, f"a span lies within the reply's {len(reply)} characters, found {span!r}")


def _told(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"[:200]
