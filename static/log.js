// The provisioning log. All of it works without scripting, but for news of requests.
"use strict";

// What asks by itself does not while nobody sees it.
addEventListener("htmx:beforeRequest", (event) => {
  if (document.hidden && event.target.matches("[data-while-visible]")) event.preventDefault();
});

// While the drawer is open, the address is that of the request in it: Back closes it, and a reload shows it on its page.
// These come before htmx's own listeners, which would load the list again.
const drawer = document.getElementById("drawer");
let isOpen = false; // whether the newest entry of the history is the drawer

addEventListener("htmx:afterSettle", ({ target, detail }) => {
  if (target.id !== "drawer-content" || !drawer.open) return;
  history[isOpen ? "replaceState" : "pushState"]({ drawer: true }, "", detail.pathInfo.finalRequestPath);
  isOpen = true;
});
drawer.addEventListener("close", () => {
  if (isOpen) history.back();
});
addEventListener(
  "popstate",
  (event) => {
    if (isOpen) {
      isOpen = false;
      event.stopImmediatePropagation();
      drawer.close();
    } else if (event.state?.drawer) {
      event.stopImmediatePropagation();
      location.reload(); // forward again, to the page of the request
    }
  },
  { capture: true },
);
