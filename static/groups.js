// What the pages about groups and rules gain from scripting. All of them work without it.
"use strict";

// <form data-many>: what is checked in it, and how many that is. <input type="checkbox" data-check-all> checks the rows
// of this page; name="all" stands for all that match, on other pages too. data-counts: how many a checkbox stands for.
function count(form) {
  const rows = [...form.querySelectorAll("tbody [type=checkbox]")];
  const [page, all] = [form.querySelector("[data-check-all]"), form.querySelector("[name=all]")];
  page.checked = rows.length > 0 && rows.every((row) => row.checked);
  page.indeterminate = !page.checked && rows.some((row) => row.checked);
  const chosen = all?.checked ? [all] : rows.filter((row) => row.checked);
  const number = chosen.reduce((sum, { dataset }) => sum + Number(dataset.counts ?? 1), 0);
  const words = form.querySelector("[data-chosen]");
  words.textContent = number ? words.dataset.chosen.replace("{n}", number.toLocaleString("en")) : "";
}

addEventListener("change", ({ target }) => {
  if (!target.matches("[data-many] :is([data-check-all], tbody [type=checkbox], [name=all])")) return;
  const all = target.form.querySelector("[name=all]");
  if (target.matches("[data-check-all], [name=all]")) {
    for (const row of target.form.querySelectorAll("tbody [type=checkbox]")) row.checked = target.checked;
  }
  if (all && !target.checked) all.checked = false;
  count(target.form);
});
// A browser that goes back, or reloads, keeps what was checked.
addEventListener("pageshow", () => document.querySelectorAll("[data-many]").forEach(count));

// A rule is moved by the form of its list: to the place where it was dragged, or one up or down with Alt and an arrow
// key. The list then shows the order that is tried.
function moveTo(rule, place) {
  const form = rule.closest("form");
  const target = form.getAttribute("hx-target");
  const values = { move: `${rule.dataset.rule} ${place}` };
  htmx.ajax("POST", form.action, { source: form, target, swap: "outerHTML", values });
}

addEventListener("keydown", (event) => {
  const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
  const rule = event.altKey && step && event.target.closest("[data-rule]");
  if (!rule) return;
  event.preventDefault();
  const place = Number(rule.dataset.rule) + step;
  if (place >= 1 && place <= rule.parentElement.children.length) moveTo(rule, place);
});

let dragged = null;

addEventListener("pointerdown", (event) => {
  const handle = event.button === 0 && event.target.closest("[data-handle]");
  if (!handle) return;
  event.preventDefault();
  dragged = handle.closest("[data-rule]");
  dragged.classList.add("rule--dragged");
});

addEventListener("pointermove", (event) => {
  if (!dragged) return;
  for (const other of dragged.parentElement.children) {
    const { top, height } = other.getBoundingClientRect();
    if (other === dragged || event.clientY < top || event.clientY > top + height) continue;
    const below = event.clientY > top + height / 2;
    other[below ? "after" : "before"](dragged);
    break;
  }
});

for (const end of ["pointerup", "pointercancel"]) {
  addEventListener(end, () => {
    if (!dragged) return;
    const place = [...dragged.parentElement.children].indexOf(dragged) + 1;
    dragged.classList.remove("rule--dragged");
    if (place !== Number(dragged.dataset.rule)) moveTo(dragged, place);
    dragged = null;
  });
}

// A list with keys: [data-keys=rows] says which, and turns them off (shortcuts.js). j and k go to the next row and to the
// one before; another key presses what has it, by its aria-keyshortcuts, in the row with the focus.
if (document.querySelector("[data-keys=rows]")) {
  addEventListener("keydown", (event) => {
    const { target, key, ctrlKey, metaKey, altKey } = event;
    const elsewhere = target.closest("dialog, select, textarea, input:not([type=checkbox])");
    if (!areKeysOn() || elsewhere || ctrlKey || metaKey || altKey) return;
    const rows = [...document.querySelectorAll("[data-row]")];
    const row = target.closest("[data-row]");
    const at = rows.indexOf(row);
    const next = { j: rows[at + 1], k: rows[Math.max(at - 1, 0)] }[key.toLowerCase()];
    next?.querySelector("a[href], button").focus();
    row?.querySelector(`[aria-keyshortcuts="${CSS.escape(key.toUpperCase())}"]`)?.click();
  });
}
