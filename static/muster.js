// What pages gain from scripting. All of them work without it.
"use strict";

// <button data-copy="id of a field or text" data-copied="what to announce">
document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  const field = document.getElementById(button.dataset.copy);
  await copy(field);
  button.dataset.done = "";
  announce(button.dataset.copied);
  setTimeout(() => delete button.dataset.done, 2000);
});

async function copy(field) {
  try {
    await navigator.clipboard.writeText(field.value ?? field.textContent);
  } catch {
    // Not a secure context, or not allowed: the old way.
    if (field.select) field.select();
    else getSelection().selectAllChildren(field);
    document.execCommand("copy");
  }
}

function announce(words) {
  const place = document.querySelector("[data-announcements]");
  place.textContent = "";
  setTimeout(() => (place.textContent = words), 50);
}

// <a href="the page" data-dialog="id of a dialog that holds the same form">
document.addEventListener("click", (event) => {
  if (event.ctrlKey || event.metaKey || event.shiftKey) return;
  const opener = event.target.closest("[data-dialog]");
  const dialog = opener && document.getElementById(opener.dataset.dialog);
  if (dialog) {
    event.preventDefault();
    dialog.showModal();
  }
  const closer = event.target.closest("dialog [data-close]");
  if (closer) {
    event.preventDefault();
    closer.closest("dialog").close();
  }
});

// A value to copy is selected as a whole.
document.addEventListener("focusin", (event) => {
  if (event.target.matches(".copy__value")) event.target.select();
});

// A page that holds nothing but what is to be sent again.
document.querySelector("[data-go-on]")?.submit();

// A form is sent once, but for a download, after which the page stays.
document.addEventListener("submit", (event) => {
  if (event.defaultPrevented || event.submitter?.matches("[data-download]")) return;
  setTimeout(() => {
    for (const button of event.target.querySelectorAll("button")) button.disabled = true;
  });
});
addEventListener("pageshow", () => {
  for (const button of document.querySelectorAll("form button[disabled]")) button.disabled = false;
});

// What somebody has entered stays in this tab until a page shows that it arrived. It comes back into the form after a
// page that says that nothing was saved, [data-unsent], and after going back from one that is none of ours.
const ENTERED = "entered";
const { who } = document.body.dataset;
const KEPT = "textarea[name], select[name], input[name]:not([type=hidden], [type=password], [type=file], [data-secret])";
const fieldsOf = (form) => [...form.elements].filter((field) => field.matches(KEPT));

// By attributes, since fields may be called method or action.
const isPosted = (form) => form.getAttribute("method") === "post";

function keep(form, isUnsent = false) {
  if (!who || !isPosted(form)) return;
  const fields = fieldsOf(form).map(({ name, type, value, checked }) => ({ name, type, value, checked }));
  const paths = [location.pathname, new URL(form.getAttribute("action") ?? "", location).pathname];
  if (fields.length) sessionStorage.setItem(ENTERED, JSON.stringify({ who, paths, fields, isUnsent }));
}
addEventListener("submit", ({ target, defaultPrevented }) => {
  if (!defaultPrevented) keep(target);
});
// A form whose preview is refused, since the session has ended, goes with its page.
addEventListener("htmx:beforeOnLoad", ({ detail: { elt, xhr } }) => {
  if (elt.matches("form") && xhr.getResponseHeader("HX-Refresh")) keep(elt, true);
});

function restore({ fields }) {
  const names = ({ name }) => name === fields[0].name;
  const form = [...document.forms].find((each) => isPosted(each) && fieldsOf(each).some(names));
  if (!form) return;
  for (const field of fieldsOf(form)) {
    const isChoice = ["checkbox", "radio"].includes(field.type);
    const was = fields.find(({ name, value }) => name === field.name && (!isChoice || value === field.value));
    if (was && isChoice) field.checked = was.checked;
    else if (was) field.value = was.value;
  }
  document.querySelector("[data-restored]").hidden = false;
  form.dispatchEvent(new Event("input", { bubbles: true }));
}

const entered = JSON.parse(sessionStorage.getItem(ENTERED));
if (entered && document.querySelector("[data-unsent]")) {
  sessionStorage.setItem(ENTERED, JSON.stringify({ ...entered, isUnsent: true }));
} else if (entered && who) {
  const isBack = performance.getEntriesByType("navigation")[0]?.type === "back_forward";
  sessionStorage.removeItem(ENTERED);
  if (entered.who === who && entered.paths.includes(location.pathname) && (entered.isUnsent || isBack)) {
    addEventListener("load", () => restore(entered)); // once what follows a form's fields does
  }
}

// <form data-display>: how pages look in this browser, from now on and on this page, which stays.
addEventListener("htmx:afterRequest", ({ target, detail: { successful, requestConfig } }) => {
  if (!successful || !target.matches("[data-display]")) return;
  const { name, value } = requestConfig.triggeringEvent.submitter;
  document.documentElement.dataset[name] = value;
  for (const button of document.querySelectorAll(`[data-display] [name=${name}]`)) {
    button.ariaPressed = String(button.value === value);
  }
});

// A secret leaves with the page: going back must not show it, nor a reload make another one.
addEventListener("pagehide", () => {
  for (const field of document.querySelectorAll("[data-secret]")) field.value = field.defaultValue = "";
});
const page = document.querySelector("[data-address]");
if (page) history.replaceState(null, "", page.dataset.address);

// The menu of small screens and the preferences close as one expects; not behind a dialog, whose focus returns to them.
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || event.target.closest("dialog")) return;
  for (const menu of document.querySelectorAll(":is(.menu, .preferences)[open]")) {
    menu.open = false;
    menu.querySelector("summary").focus();
  }
});
document.addEventListener("click", ({ target }) => {
  if (target.closest("dialog")) return;
  for (const menu of document.querySelectorAll(".preferences[open]")) if (!menu.contains(target)) menu.open = false;
});

// A list of rows about which one decides: [data-row], each with an id. After a decision the list stands where it stood,
// with the focus on the next row; after none, on the same row.
const LIST = "list";
const rowsOf = () => [...document.querySelectorAll("[data-row]")].map(({ id }) => id);
const kept = JSON.parse(sessionStorage.getItem(LIST));
let about = null;

addEventListener("click", ({ target }) => {
  about = target.closest("[data-row]")?.id ?? about;
  if (kept && target.closest("a[data-close]")) sessionStorage.setItem(LIST, JSON.stringify({ ...kept, undecided: true }));
});
addEventListener("submit", ({ target, submitter }) => {
  if (!target.matches("[data-many]") || submitter?.closest("[data-row]")) return;
  about = [...target.querySelectorAll("[data-row]:has(:checked)")].at(-1)?.id ?? null;
});
addEventListener("pagehide", () => {
  const rows = rowsOf();
  if (!rows.length) return;
  sessionStorage.setItem(LIST, JSON.stringify({ path: location.pathname, y: scrollY, rows, about }));
});

function returnTo({ y, rows, about, undecided }) {
  const said = document.querySelector(".flashes");
  const [visit] = performance.getEntriesByType("navigation");
  if (visit?.type !== "navigate" || !(said || undecided)) return;
  const [at, there] = [rows.indexOf(about), rowsOf()];
  const next = said ? [...rows.slice(at + 1), there[Math.min(at, there.length - 1)]] : [about];
  const row = at < 0 ? null : document.getElementById(next.find((id) => there.includes(id)));
  if (row) {
    scrollTo(0, y);
    row.querySelector("a[href], button").focus({ preventScroll: true });
    row.scrollIntoView({ block: "nearest" });
    if (!said) return;
    said.dataset.kept = "";
    // What is in a live region when the page loads is not read out; what comes into it is.
    setTimeout(() => said.replaceChildren(...[...said.children].map((words) => words.cloneNode(true))), 50);
  } else if (said) {
    said.tabIndex = -1;
    said.focus();
  }
}
if (kept?.path === location.pathname) {
  sessionStorage.removeItem(LIST);
  returnTo(kept);
}

// What htmx has fetched: into a dialog, which is shown, unless somebody closed it just as it came; or a part of the page
// that says in words what is new in it.
const wasOpen = new WeakSet();
addEventListener("htmx:afterSwap", ({ target }) => {
  const dialog = target.closest("dialog");
  if (dialog) wasOpen[dialog.open ? "add" : "delete"](dialog);
});
let told = document.querySelector("[data-announce]")?.dataset.announce;
addEventListener("htmx:afterSettle", ({ target }) => {
  const dialog = target.closest("dialog");
  if (dialog && !dialog.open && !wasOpen.has(dialog)) dialog.showModal();
  const words = (target.closest("[data-announce]") ?? target.querySelector("[data-announce]"))?.dataset.announce;
  if (words && words !== told) announce((told = words));
});

// A link or form that was refused a part of a page leads to the page that it also is.
addEventListener("htmx:responseError", ({ detail: { elt } }) => {
  if (elt.matches("a[href]")) location.assign(elt.href);
  if (elt.matches("form")) elt.submit();
});

// One that reached nobody leaves the page as it is, which says so until something gets through.
const unreachable = document.querySelector("[data-unreachable]");
addEventListener("htmx:sendError", () => {
  if (!unreachable) return;
  (document.querySelector("dialog[open]") ?? document.body).append(unreachable);
  unreachable.hidden = false;
});
addEventListener("htmx:afterRequest", ({ detail: { xhr } }) => {
  if (xhr.status && unreachable) unreachable.hidden = true;
});

// Filters without a value are not part of a URL.
addEventListener("htmx:configRequest", ({ target, detail: { formData } }) => {
  if (!target.matches("[role=search]")) return;
  for (const [name, value] of [...formData]) if (!value) formData.delete(name);
});

// <button data-own-zone="id of a field" hidden>: saves the time zone of this browser, where it is another one.
for (const button of document.querySelectorAll("[data-own-zone]")) {
  const field = document.getElementById(button.dataset.ownZone);
  const { timeZone } = Intl.DateTimeFormat().resolvedOptions();
  if (!timeZone || timeZone === (field.defaultValue || button.dataset.usualZone)) continue;
  button.querySelector("[data-zone]").textContent = timeZone;
  button.hidden = false;
  button.addEventListener("click", () => {
    field.value = timeZone;
    field.form.requestSubmit();
  });
}
