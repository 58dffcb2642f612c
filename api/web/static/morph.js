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

/** The next sibling that can become this node: of the same kind, and meant for the same. */
function sought(from, node) {
  const wanted = kind(node);
  if (node.nodeType !== Node.ELEMENT_NODE) return from && kind(from) === wanted ? from : null;
  for (let here = from; here; here = here.nextSibling) if (kind(here) === wanted) return here;
  return null;
}

function kind(node) {
  if (node.nodeType !== Node.ELEMENT_NODE) return node.nodeName;
  return [node.nodeName, node.dataset.key, node.classList[0], node.getAttribute("action")].join("|");
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
