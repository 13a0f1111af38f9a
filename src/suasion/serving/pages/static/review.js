// Keys of the page on which raters mark; without a script Tab, arrows, space and Enter do the same.
"use strict";

const marks = document.querySelector("[data-marks]");
const boxes = Array.from(document.querySelectorAll("[data-excellent]"));
let at = -1;

const go = (step) => {
  if (!boxes.length) return;
  at = Math.max(0, Math.min(boxes.length - 1, at + step));
  boxes[at].focus({ preventScroll: true });
  boxes[at].closest("li").scrollIntoView({ block: "nearest" });
};
for (const [place, box] of boxes.entries()) box.addEventListener("focus", () => { at = place; });

const actions = {
  j: () => go(1),
  k: () => go(-1),
  e: () => { if (at < 0) go(1); else boxes[at].click(); },
  c: () => marks && marks.elements.comment.focus(),
  u: () => { const undo = document.querySelector("[data-undo]"); if (undo) undo.requestSubmit(); },
};

// Who speaks to the machine, or has a cat, turns them off; the browser remembers it.
const OFF = "suasion-review-keys-off";
const choice = document.querySelector("[data-keys]");
if (choice) {
  choice.checked = !localStorage.getItem(OFF);
  choice.closest("label").hidden = false;
  choice.addEventListener("change", () => {
    if (choice.checked) localStorage.removeItem(OFF); else localStorage.setItem(OFF, "yes");
  });
}

document.addEventListener("keydown", (event) => {
  if (choice && !choice.checked) return;
  const typing = event.target.closest("textarea, select, input:not([type=radio]):not([type=checkbox])");
  if (event.key === "Escape" && typing) { typing.blur(); return; }
  if (typing || event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
  const digit = /^(?:Digit|Numpad)([1-5])$/.exec(event.code);
  if (digit && marks) {
    const wanted = marks.querySelector(`[data-key="${event.shiftKey ? "Shift+" : ""}${digit[1]}"]`);
    if (wanted) { event.preventDefault(); wanted.checked = true; wanted.focus({ preventScroll: true }); }
    return;
  }
  if (event.key === "Enter" && marks && !event.target.closest("a, button, summary")) {
    event.preventDefault();
    marks.requestSubmit();
  } else if (!event.shiftKey && Object.hasOwn(actions, event.key)) {
    event.preventDefault();
    actions[event.key]();
  }
});
