// One image after another: opened in place, walked through with the arrow keys, closed with Escape.

import { fetched, follow } from "./chunks.js";
import { localise } from "./morph.js";

const VERDICTS = { a: "approved", r: "rejected" };
const BAR =
  '<div class="bar-top"><span class="tally quiet" role="status" data-tally></span>' +
  labelled("Previous", "‹", 'data-step="-1"') + labelled("Next", "›", 'data-step="1"') + labelled("Close", "×", "data-close") +
  "</div>";

let dialog = null;
let current = null;
let tally = document.createElement("span");

function labelled(name, sign, what) {
  return `<button type="button" aria-label="${name}" ${what}><span class="wide">${name}</span><span class="slim">${sign}</span></button>`;
}

export function view() {
  dialog = document.querySelector("[data-viewer]");
  if (!dialog) return;
  document.addEventListener("click", (event) => {
    const link = event.target.closest?.("[data-view]");
    if (!link || event.metaKey || event.ctrlKey || event.shiftKey) return;
    event.preventDefault();
    show(link);
  });
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) dialog.close();
    const button = event.target.closest?.("[data-step]");
    if (button) step(Number(button.dataset.step));
    if (event.target.closest?.("[data-close]")) dialog.close();
  });
  dialog.addEventListener("submit", (event) => {
    const form = event.target.closest?.("[data-judge]");
    if (!form) return;
    event.preventDefault();
    judge(form, event.submitter);
  });
  dialog.addEventListener("close", () => current?.focus());
  document.addEventListener("keydown", pressed);
}

function pressed(event) {
  if (event.altKey || event.ctrlKey || event.metaKey) return;
  const along = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  if (dialog.open) {
    const typing = event.target.closest?.("input, textarea, select, .whole");
    if (along && !typing) step(along);
    const verdict = VERDICTS[event.key.toLowerCase()];
    const button = verdict && !typing && dialog.querySelector(`[data-judge] [value=${verdict}]`);
    if (button) judge(button.form, button, true);
    return;
  }
  const link = event.target.closest?.(".frame [data-view]");
  const by = along ?? { ArrowUp: -columns(link), ArrowDown: columns(link) }[event.key];
  if (!link || !by) return;
  const to = neighbour(link, by);
  if (!to) return;
  event.preventDefault();
  to.focus();
}

// What a key says is followed by the next image; what a button says stays, so that it can be read.
async function judge(form, button, onward = false) {
  const answer = await fetch(form.action, {
    method: "POST", headers: { "X-Fragment": "1" }, body: new URLSearchParams({ verdict: button.value }),
  }).catch(() => null);
  if (!answer?.ok) {
    form.submit();
    return;
  }
  form.closest("[data-judgement]").outerHTML = await answer.text();
  current?.closest(".frame")?.setAttribute("data-judged", button.value);
  count(dialog.querySelector("[data-judgement] [data-tally]"));
  document.getElementById("said").textContent = `${button.value}. ${tally.textContent}`;
  if (onward) await step(1);
}

// What the finals of all that is approved would cost stays in sight while one walks on.
function count(told) {
  if (!told) return;
  tally = told;
  told.remove();
  tell();
}

function tell() {
  dialog.querySelector(".bar-top [data-tally]").replaceChildren(...tally.cloneNode(true).childNodes);
}

function columns(link) {
  const sheet = link?.closest(".sheet");
  return sheet ? getComputedStyle(sheet).gridTemplateColumns.split(" ").length : 0;
}

function neighbour(link, by) {
  const links = [...document.querySelectorAll("[data-view]")];
  return links[links.indexOf(link) + by];
}

async function step(by) {
  const to = current && neighbour(current, by);
  if (to) await show(to);
}

async function show(link) {
  current = link;
  const html = await fetched(link.href);
  if (html === null) {
    location.href = link.href;
    return;
  }
  if (current !== link) return;
  dialog.innerHTML = BAR + html;
  tell();
  localise(dialog);
  if (!dialog.open) dialog.showModal();
  dialog.scrollTop = 0;
  const next = document.querySelector("[data-next][data-auto]");
  if (next && !neighbour(link, 8)) follow(next);
}
