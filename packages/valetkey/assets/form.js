// Small comforts for forms. Every page works without this file.

// A password can be looked at while it is typed.
for (const input of document.querySelectorAll('input[type="password"]')) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "reveal";
  button.textContent = "Show";
  button.setAttribute("aria-pressed", "false");
  button.setAttribute("aria-controls", input.id);
  button.setAttribute("aria-label", "Show password");
  button.addEventListener("click", () => {
    const shown = input.type === "password";
    input.type = shown ? "text" : "password";
    button.textContent = shown ? "Hide" : "Show";
    button.setAttribute("aria-pressed", String(shown));
  });
  input.after(button);

  // Caps lock is the commonest reason for a wrong password.
  const hint = document.createElement("p");
  hint.className = "hint caps";
  hint.setAttribute("role", "status");
  input.closest(".field").append(hint);
  input.addEventListener("keyup", (event) => {
    const on = event.getModifierState?.("CapsLock") === true;
    hint.textContent = on ? "Caps Lock is on." : "";
  });
}

for (const form of document.forms) {
  // One answer per form: a second click while the first is under way does nothing.
  form.addEventListener("submit", (event) => {
    if (form.dataset.busy === "yes") event.preventDefault();
    else form.dataset.busy = "yes";
    for (const input of form.querySelectorAll('.input input[type="text"][autocomplete$="password"]')) {
      input.type = "password";
    }
    event.submitter?.setAttribute("aria-busy", "true");
  });

  // What was placed under the pointer a moment ago cannot be allowed by the click meant for something else.
  const pause = Number(form.dataset.considered);
  const allow = pause > 0 ? form.querySelector("#allow") : null;
  if (allow !== null) {
    allow.disabled = true;
    setTimeout(() => {
      allow.disabled = false;
    }, pause);
  }
}

// Applications that are being told of a sign-out: on as soon as all of them know, or have had their time.
const onward = document.querySelector("a[data-wait]");
if (onward !== null) {
  const go = () => location.replace(onward.href);
  setTimeout(go, Number(onward.dataset.wait) * 1000);
  if (document.readyState === "complete") go();
  else window.addEventListener("load", go);
}

// Back from the page the form led to: it can be sent again.
window.addEventListener("pageshow", () => {
  for (const form of document.forms) {
    delete form.dataset.busy;
    for (const button of form.querySelectorAll('[aria-busy="true"]')) button.removeAttribute("aria-busy");
  }
});
