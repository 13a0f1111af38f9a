// All that the pages need of a script; without it they work too.
"use strict";

// Ctrl+Enter (or Cmd+Enter) in a text sends its form by the first button.
document.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && event.target.form) {
    event.preventDefault();
    event.target.form.requestSubmit();
  }
});

// Ctrl+/ goes to what is first to be filled in: not "/" alone, which voice control may say by accident.
document.addEventListener("keydown", (event) => {
  if (event.key !== "/" || !(event.ctrlKey || event.metaKey)) return;
  const first = document.querySelector("[data-first]");
  if (first) { event.preventDefault(); first.focus(); }
});

// A form is sent once.
document.addEventListener("submit", (event) => {
  if (event.target.dataset.sent) event.preventDefault();
  else if (event.target.method === "post") event.target.dataset.sent = "yes";
});
window.addEventListener("pageshow", () => {
  for (const form of document.forms) delete form.dataset.sent;
});

// Words selected in a reply are those that its "This is wrong" is about, as offsets in characters.
document.addEventListener("selectionchange", () => {
  const selection = document.getSelection();
  if (!selection.rangeCount || selection.isCollapsed) return;
  const range = selection.getRangeAt(0);
  const near = range.commonAncestorContainer;
  const reply = (near.nodeType === 1 ? near : near.parentElement).closest("[data-reply]");
  if (!reply) return;
  const before = document.createRange();
  before.selectNodeContents(reply);
  before.setEnd(range.startContainer, range.startOffset);
  const start = Array.from(before.toString()).length;
  const span = `${start}:${start + Array.from(range.toString()).length}`;
  for (const form of document.querySelectorAll(`form[data-about="${CSS.escape(reply.dataset.reply)}"]`)) {
    form.elements.span.value = span;
    form.querySelector("[data-marked]").textContent = `“${range.toString()}”`;
  }
});

// What is under way is looked at again.
const waiting = document.querySelector("[data-again]");
if (waiting) setTimeout(() => location.reload(), 1000 * Number(waiting.dataset.again));
