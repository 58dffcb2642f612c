// Changes a place into what it should be, touching only what differs: focus, selection and open panels stay.

export function morph(place, html) {
  const wanted = document.createElement("template");
  wanted.innerHTML = html;
  localise(wanted.content);
  children(place, wanted.content);
}

/** Shows every time of day on the clock of whoever looks. */
export function localise(within) {
  for (const time of within.querySelectorAll("time[datetime]")) {
    const at = new Date(time.dateTime);
    if (Number.isNaN(at.getTime())) continue;
    const today = at.toDateString() === new Date().toDateString();
    const day = today ? {} : { day: "numeric", month: "short" };
    const text = at.toLocaleString([], { ...day, hour: "2-digit", minute: "2-digit" });
    if (time.textContent !== text) time.textContent = text;
    time.title = at.toLocaleString();
  }
}

function children(now, wanted) {
  const waiting = [...wanted.childNodes];
  let here = now.firstChild;
  for (const node of waiting) {
    const match = sought(here, node);
    if (!match) {
      now.insertBefore(node, here);
      continue;
    }
    while (here !== match) here = removed(here);
    one(match, node);
    here = match.nextSibling;
  }
  while (here) here = removed(here);
}

function removed(node) {
  const next = node.nextSibling;
  node.remove();
  return next;
}

/** The next sibling that can become this node; one with a key only by that key. */
function sought(from, node) {
  const key = node.dataset?.key;
  for (let here = from; here; here = here.nextSibling) {
    if (here.nodeName === node.nodeName && here.dataset?.key === key) return here;
    if (key === undefined && here.dataset?.key === undefined && here.nodeType === 1 && node.nodeType === 1) return null;
  }
  return null;
}

function one(now, wanted) {
  if (now.nodeType !== Node.ELEMENT_NODE) {
    if (now.nodeValue !== wanted.nodeValue) now.nodeValue = wanted.nodeValue;
    return;
  }
  for (const { name, value } of wanted.attributes) if (now.getAttribute(name) !== value) now.setAttribute(name, value);
  for (const { name } of [...now.attributes]) if (name !== "open" && !wanted.hasAttribute(name)) now.removeAttribute(name);
  children(now, wanted);
}
