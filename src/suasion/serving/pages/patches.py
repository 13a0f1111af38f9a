"""Patches: drafted from an incident, mended, checked, back-tested, applied and taken back."""

import asyncio
import base64
import hashlib
import re
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Path
from starlette.responses import HTMLResponse, Response

from suasion.errors import InputError
from suasion.incidents import draft as drafting
from suasion.incidents.apply import apply_patch, own_folder, patches_in_force, revert_patch
from suasion.incidents.check import Checked, check_all
from suasion.incidents.history import History
from suasion.incidents.patched import read_files
from suasion.rewards.rules import RuleSet
from suasion.serving.access import ADMINS
from suasion.serving.asked import RefusedError
from suasion.serving.pages.backtests import Backtests
from suasion.serving.pages.drafts import Draft, add_draft, drafts, find_draft, save_draft
from suasion.serving.pages.incidents import load_incident_of
from suasion.serving.pages.visit import Admins, Operators, Visit
from suasion.serving.pages.workshop import pack_of, rules_of

routes = APIRouter()
MAX_PATCH = 200_000  # characters
Name = Annotated[str, Path(pattern=r"^[a-z0-9][a-z0-9-]{0,220}$")]


@routes.get("/patches")
async def list_all(visit: Operators) -> Response:
    """Drafts and what is in force, then all that became of the pack."""
    pack = pack_of(visit.here)
    found = await asyncio.to_thread(drafts, visit.workshop.patches, pack.path)
    entries = await asyncio.to_thread(History(pack.path).entries)
    changed = (
        bool(entries)
        and rules_of(visit.here).version != (await asyncio.to_thread(RuleSet.load, pack)).version
    )
    return visit.page(
        "patches.html.j2", found=found, entries=entries[::-1], version=pack.version, changed=changed
    )


@routes.post("/patches")
async def draft(visit: Operators) -> Response:
    """A new draft from an incident: a rule, a change of one, or its removal."""
    form, pack = visit.form, pack_of(visit.here)
    incident = await asyncio.to_thread(load_incident_of, visit, form.text("incident", 200))
    now = datetime.now(UTC).isoformat(timespec="seconds")

    def write() -> str:
        pack.check_brief(incident.dialogue.brief)
        if form.get("way") == "rule":
            text = drafting.draft_rule(incident, pack, visit.who, now)
        elif form.get("way") == "change":
            text = drafting.draft_change(incident, pack, form.text("rule", 200), visit.who, now)
        else:
            text = drafting.draft_removal(incident, pack, form.text("rule", 200), visit.who, now)
        return add_draft(text, visit.workshop.patches)

    name = await asyncio.to_thread(write)
    await visit.note("patch drafted", detail=name)
    return visit.go(f"/patches/{name}", "drafted")


@routes.get("/patches/{name}")
async def one(visit: Operators, name: Name) -> Response:
    """The patch as text, and how its back-test stands."""
    return _show(visit, await _find(visit, name))


@routes.post("/patches/{name}")
async def save(visit: Operators, name: Name) -> Response:
    """The text as a person mended it; what is no patch is shown again with the line that is wrong."""
    found, text = await _find(visit, name), visit.form.text("text", MAX_PATCH) + "\n"
    if found.in_force:
        raise RefusedError(409, "is in force: revert it first, or draft another")
    try:
        await asyncio.to_thread(save_draft, name, text, visit.workshop.patches)
    except InputError as error:
        return _show(visit, found, text=text, fault=str(error))
    return visit.go(f"/patches/{name}", "saved")


@routes.post("/patches/{name}/check")
async def check(visit: Operators, name: Name) -> Response:
    """The patch tried on the pack: its examples, the pack's own, and those of the patches in force."""
    found = await _find(visit, name)

    def work() -> Checked:
        folder = pack_of(visit.here).path
        assert found.patch is not None  # as `_show` is told by its fault
        (checked,) = check_all([found.patch], read_files(folder), folder, patches_in_force(folder))
        return checked

    if found.patch is None:
        return _show(visit, found)
    try:
        return _show(visit, found, checked=await asyncio.to_thread(work))
    except InputError as error:
        return _show(visit, found, fault=str(error))


@routes.post("/patches/{name}/backtest")
async def backtest(visit: Operators, name: Name) -> Response:
    """What it would have done to the store's conversations; the page of the patch says when it is there."""
    found = await _find(visit, name)
    if found.patch is not None:
        _backtests(visit).start(found.patch, pack_of(visit.here), visit.here.service.store)
    return visit.go(f"/patches/{name}")


@routes.get("/patches/{name}/backtest")
async def show_backtest(visit: Operators, name: Name) -> Response:
    """The whole page of it, as `suasion patch backtest --html` writes it; its style by its hash."""
    text = await asyncio.to_thread(_backtests(visit).page, name)
    if text is None:
        raise RefusedError(404, "this patch was not back-tested yet")
    styles = re.findall(r"<style>(.*?)</style>", text, re.DOTALL)
    hashes = " ".join(
        f"'sha256-{base64.b64encode(hashlib.sha256(one.encode()).digest()).decode()}'" for one in styles
    )
    policy = f"default-src 'none'; style-src {hashes}; img-src data:; base-uri 'none'; form-action 'none'"
    return HTMLResponse(text, headers={"content-security-policy": f"{policy}; frame-ancestors 'none'"})


@routes.post("/patches/{name}/apply")
async def apply(visit: Admins, name: Name) -> Response:
    """Into the pack's folder, if it is one's own, once it holds."""
    found = await _find(visit, name)
    if found.patch is None:
        return _show(visit, found)
    patch = found.patch
    try:
        await asyncio.to_thread(lambda: apply_patch(patch, own_folder(pack_of(visit.here).path), visit.who))
    except InputError as error:
        return _show(visit, found, fault=str(error))
    await visit.note("patch applied", detail=name)
    return visit.go(f"/patches/{name}", "applied")


@routes.post("/patches/{name}/revert")
async def revert(visit: Admins, name: Name) -> Response:
    """Taken back; the history keeps both."""
    found, why = await _find(visit, name), visit.form.text("why", 300)
    try:
        folder = own_folder(pack_of(visit.here).path)
        await asyncio.to_thread(revert_patch, name, folder, visit.who, why)
    except InputError as error:
        return _show(visit, found, fault=str(error))
    await visit.note("patch reverted", detail=name)
    return visit.go(f"/patches/{name}" if found.when else "/patches", "reverted")


async def _find(visit: Visit, name: str) -> Draft:
    found = await asyncio.to_thread(find_draft, name, visit.workshop.patches, pack_of(visit.here).path)
    if found is None:
        raise RefusedError(404, "there is no such patch")
    return found


def _backtests(visit: Visit) -> Backtests:
    made: Backtests = visit.request.app.state.backtests
    return made


def _show(
    visit: Visit, found: Draft, text: str | None = None, fault: str = "", checked: Checked | None = None
) -> Response:
    fault = fault or found.fault
    return visit.page(
        "patch.html.j2",
        422 if fault else 200,
        found=found,
        text=found.text if text is None else text,
        fault=fault,
        checked=checked,
        stand=_backtests(visit).stand(found.id, found.patch),
        may_apply=visit.may(ADMINS),
    )
