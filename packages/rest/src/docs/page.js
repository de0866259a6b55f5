// The reference page's own script: asks for the API's description with the reader's key and shows it.
"use strict";

/* global SwaggerUIBundle, document, sessionStorage, fetch */
(() => {
  // Only this tab keeps the key, and only until it is closed.
  const place = "guanxi.key";
  const part = (id) => document.getElementById(id);
  const [door, input, forget, message, hints, reference] = [
    "door",
    "key",
    "forget",
    "message",
    "hints",
    "reference",
  ].map(part);
  // Of two loads, the later one counts.
  let latest = 0;

  function say(words) {
    message.textContent = words;
  }

  function clear() {
    reference.replaceChildren();
    hints.hidden = false;
  }

  /** → the description, or what the server says against it, in the browser's language. */
  async function ask(key) {
    const response = await fetch("/api/openapi.json", { headers: { Authorization: `Bearer ${key}` } });
    const body = await response.json();
    return response.ok ? { description: body } : { problem: body.detail ?? body.title };
  }

  function show(description, key) {
    const domNode = document.createElement("div");
    reference.replaceChildren(domNode);
    hints.hidden = true;
    const ui = SwaggerUIBundle({
      domNode,
      spec: description,
      presets: [SwaggerUIBundle.presets.apis],
      deepLinking: true,
      docExpansion: "none",
      defaultModelsExpandDepth: 0,
      displayRequestDuration: true,
      filter: true,
      persistAuthorization: false,
      validatorUrl: null,
      onComplete: () => ui.preauthorizeApiKey("key", key),
    });
  }

  async function load(key) {
    const mine = ++latest;
    say(message.dataset.loading);
    const answer = await ask(key).catch(() => ({ problem: message.dataset.unreachable }));
    if (mine !== latest) return;
    say(answer.problem ?? "");
    forget.hidden = answer.problem !== undefined;
    if (answer.problem === undefined) {
      sessionStorage.setItem(place, key);
      show(answer.description, key);
    } else {
      sessionStorage.removeItem(place);
      clear();
    }
  }

  door.addEventListener("submit", (event) => {
    event.preventDefault();
    void load(input.value.trim());
  });

  forget.addEventListener("click", () => {
    latest++;
    sessionStorage.removeItem(place);
    input.value = "";
    forget.hidden = true;
    say("");
    clear();
    input.focus();
  });

  const kept = sessionStorage.getItem(place);
  if (kept !== null) {
    input.value = kept;
    void load(kept);
  } else input.focus();
})();
