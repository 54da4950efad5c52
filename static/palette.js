// The palette: a combobox over everything that can be found. Its button and its form lead to the page of the search.
"use strict";

const palette = document.getElementById("palette");
if (palette) {
  const field = palette.querySelector("[role=combobox]");
  const status = palette.querySelector("[data-palette-status]");
  const options = () => [...palette.querySelectorAll("[role=option]")];
  const chosen = () => palette.querySelector("[role=option][aria-selected=true]");

  const choose = (option) => {
    chosen()?.setAttribute("aria-selected", "false");
    option?.setAttribute("aria-selected", "true");
    option?.scrollIntoView({ block: "nearest" });
    if (option) field.setAttribute("aria-activedescendant", option.id);
    else field.removeAttribute("aria-activedescendant");
  };

  if (/Mac|iPhone|iPad/.test(navigator.platform)) {
    for (const key of document.querySelectorAll("[data-palette-key]")) key.textContent = "⌘K";
  }

  addEventListener("keydown", (event) => {
    if (event.key.toLowerCase() !== "k" || !(event.ctrlKey || event.metaKey) || event.shiftKey || event.altKey) return;
    event.preventDefault();
    if (palette.open) palette.close();
    else palette.showModal();
  });

  field.addEventListener("keydown", (event) => {
    const all = options();
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step && all.length) {
      event.preventDefault();
      const at = all.indexOf(chosen());
      choose(all[(at + step + (at < 0 && step < 0 ? 1 : 0) + all.length) % all.length]);
    } else if (event.key === "Enter" && chosen()) {
      event.preventDefault();
      chosen().click();
    }
  });

  // What was chosen belongs to what was typed before: Enter now asks the page of the search.
  field.addEventListener("input", () => choose(null));

  palette.addEventListener("htmx:afterSettle", (event) => {
    if (!palette.open) event.stopPropagation(); // as a dialog that is fetched, it would be shown again
    const [first] = options();
    field.setAttribute("aria-expanded", String(Boolean(first)));
    // While somebody types, what was found for less of it still arrives.
    const asked = new URL(event.detail.xhr.responseURL).searchParams.get("q") ?? "";
    choose(asked === field.value ? first : null);
    status.textContent = palette.querySelector("[data-found]")?.dataset.found ?? "";
  });

  // What arrives once it is closed does not open it again.
  for (const moment of ["htmx:beforeRequest", "htmx:beforeSwap"]) {
    palette.addEventListener(moment, (event) => {
      if (!palette.open) event.preventDefault();
    });
  }
}
