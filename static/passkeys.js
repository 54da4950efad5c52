// A form that is sent with what the browser's passkeys answer: data-passkey says whether to make one or to use one,
// data-options what to ask for. The answer goes into the field "passkey".
"use strict";

const CALLS = {
  create: (options) =>
    navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(options) }),
  get: (options) => navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(options) }),
};

for (const form of document.querySelectorAll("[data-passkey]")) {
  const button = form.querySelector("button");
  const failed = form.querySelector("[data-passkey-failed]");
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    button.disabled = true;
    failed.hidden = true;
    try {
      const answer = await CALLS[form.dataset.passkey](JSON.parse(form.dataset.options));
      form.elements.passkey.value = JSON.stringify(answer.toJSON());
      form.submit();
    } catch {
      // Cancelled, too late, or not possible in this browser: it does not say which.
      failed.hidden = false;
      button.disabled = false;
    }
  });
}
