// What pages gain from scripting. All of them work without it.
"use strict";

// <button data-copy="id of a field" data-copied="what to announce">
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
    await navigator.clipboard.writeText(field.value);
  } catch {
    // Not a secure context, or not allowed: the old way.
    field.select();
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

// A secret leaves with the page: going back must not show it, nor a reload make another one.
addEventListener("pagehide", () => {
  for (const field of document.querySelectorAll("[data-secret]")) field.value = field.defaultValue = "";
});
const page = document.querySelector("[data-address]");
if (page) history.replaceState(null, "", page.dataset.address);

// The menu of small screens closes as one expects.
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const menu of document.querySelectorAll(".menu[open]")) {
    menu.open = false;
    menu.querySelector("summary").focus();
  }
});

// What htmx has fetched: into a dialog, which is shown; or a part of the page that says in words what is new in it.
let told = document.querySelector("[data-announce]")?.dataset.announce;
addEventListener("htmx:afterSettle", ({ target }) => {
  const dialog = target.closest("dialog");
  if (dialog && !dialog.open) dialog.showModal();
  const words = (target.closest("[data-announce]") ?? target.querySelector("[data-announce]"))?.dataset.announce;
  if (words && words !== told) announce((told = words));
});

// A link or form whose part of a page could not be fetched leads to the page that it also is.
for (const failure of ["htmx:sendError", "htmx:responseError"]) {
  addEventListener(failure, ({ detail: { elt } }) => {
    if (elt.matches("a[href]")) location.assign(elt.href);
    if (elt.matches("form")) elt.submit();
  });
}
