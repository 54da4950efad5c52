// The list of keys. A key without Ctrl or Alt does something only while [data-keys] is checked, in this browser: who speaks
// to their computer presses such keys without wishing to.
"use strict";

const KEYS = "keys";
const areKeysOn = () => localStorage.getItem(KEYS) !== "off";

const switches = [...document.querySelectorAll("[data-keys] input")];
const showSwitches = () => switches.forEach((each) => (each.checked = areKeysOn()));
for (const each of switches) {
  each.closest("[data-keys]").hidden = false;
  each.addEventListener("change", () => {
    localStorage.setItem(KEYS, each.checked ? "on" : "off");
    showSwitches();
  });
}
showSwitches();

addEventListener("keydown", (event) => {
  const { target, key, ctrlKey, metaKey, altKey } = event;
  const elsewhere = target.closest("dialog, select, textarea, input:not([type=checkbox], [type=radio])");
  if (key !== "?" || !areKeysOn() || elsewhere || ctrlKey || metaKey || altKey) return;
  event.preventDefault();
  document.getElementById("shortcuts")?.showModal();
});
