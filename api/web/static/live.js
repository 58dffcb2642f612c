// Server-sent events, told to a place on the page; a page that nobody sees does not listen.

import { morph } from "./morph.js";

const SAID_EVERY = 15_000;
const BACK_AFTER = 4_000;
let saidAt = 0;
let saidLast = "";

export function watch(place) {
  let source = null;
  let waiting = 0;

  function open() {
    if (source || document.hidden) return;
    source = new EventSource(place.dataset.live);
    source.addEventListener("page", (event) => {
      morph(place, event.data);
      say(place);
      document.dispatchEvent(new CustomEvent("darkroom:news"));
    });
    source.addEventListener("error", () => {
      if (source.readyState !== EventSource.CLOSED) return;
      close();
      waiting = setTimeout(open, BACK_AFTER);
    });
  }

  function close() {
    clearTimeout(waiting);
    source?.close();
    source = null;
  }

  document.addEventListener("visibilitychange", () => (document.hidden ? close() : open()));
  addEventListener("pagehide", close);
  addEventListener("pageshow", open);
  open();
}

/** Tells whoever listens instead of looking, now and then and at every change of state. */
function say(place) {
  const words = place.querySelector("[data-said]")?.dataset.said;
  if (!words || words === saidLast) return;
  const state = words.split(". ").at(-1);
  const turned = state !== saidLast.split(". ").at(-1);
  if (!turned && Date.now() - saidAt < SAID_EVERY) return;
  document.getElementById("said").textContent = words;
  saidLast = words;
  saidAt = Date.now();
}
