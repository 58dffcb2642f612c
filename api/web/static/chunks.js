// Long lists: loaded before they are reached, filtered as one types, refreshed where something may still change.

import { morph } from "./morph.js";

const REFRESH_EVERY = 2_500;
const TYPED = 350;
const AT_MOST = 5_000;

const seen = new Set();
const onScreen = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) isIntersecting ? seen.add(target) : seen.delete(target);
}, { rootMargin: "300px" });
const near = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) if (isIntersecting) follow(target);
}, { rootMargin: "1200px" });

export function fill() {
  attend(document);
  document.addEventListener("click", (event) => {
    const next = event.target.closest?.("[data-next]");
    if (!next || next.dataset.full !== undefined) return;
    event.preventDefault();
    follow(next);
  });
  document.addEventListener("darkroom:news", refresh);
  for (const form of document.querySelectorAll("[data-filter]")) filtered(form);
}

function attend(within) {
  for (const chunk of within.querySelectorAll("[data-chunk]")) onScreen.observe(chunk);
  for (const next of within.querySelectorAll("[data-next][data-auto]")) {
    const full = document.querySelectorAll(".frame").length >= AT_MOST;
    if (full) next.dataset.full = "";
    else near.observe(next);
  }
}

export async function follow(next) {
  if (next.dataset.asked !== undefined) return;
  next.dataset.asked = "";
  near.unobserve(next);
  const more = next.closest("[data-more]");
  const html = await fetched(next.href);
  if (html === null) {
    delete next.dataset.asked;
    return;
  }
  const parent = more.parentElement;
  more.insertAdjacentHTML("afterend", html);
  more.remove();
  attend(parent);
}

let due = 0;
let refreshing = false;

async function refresh() {
  if (refreshing || Date.now() < due) return;
  refreshing = true;
  for (const chunk of [...seen].filter((one) => one.isConnected && one.dataset.moving !== undefined)) await renewed(chunk);
  due = Date.now() + REFRESH_EVERY;
  refreshing = false;
}

async function renewed(chunk) {
  const html = await fetched(chunk.dataset.chunk);
  if (html === null) return;
  const found = document.createElement(chunk.nodeName === "TBODY" ? "table" : "div");
  found.innerHTML = html;
  const fresh = found.querySelector("[data-chunk]");
  if (!fresh) return;
  morph(chunk, fresh.innerHTML);
  const more = found.querySelector("[data-more]");
  const last = !chunk.nextElementSibling;
  if (more && last) {
    chunk.after(more);
    attend(chunk.parentElement);
  }
  if (fresh.dataset.moving === undefined) delete chunk.dataset.moving;
}

function filtered(form) {
  let typing = 0;
  let turn = 0;
  const place = document.querySelector("[data-frames]") ?? document.querySelector(".jobs table");

  async function apply() {
    const mine = ++turn;
    const asked = [...new FormData(form)].filter(([, value]) => value);
    const address = `${location.pathname}?${new URLSearchParams(asked)}`;
    const html = await fetched(address);
    if (html === null || mine !== turn) return;
    history.replaceState(null, "", address);
    for (const old of place.querySelectorAll("[data-chunk], [data-more]")) old.remove();
    place.insertAdjacentHTML("beforeend", html);
    attend(place);
  }

  form.addEventListener("input", () => {
    clearTimeout(typing);
    typing = setTimeout(apply, TYPED);
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    apply();
  });
}

export async function fetched(address) {
  try {
    const answer = await fetch(address, { headers: { "X-Fragment": "1" } });
    return answer.ok && !answer.redirected ? await answer.text() : null;
  } catch {
    return null;
  }
}
