// The form for a new batch: looked at while it is written, so that the price stands there before the button.

const TYPED = 500;

export function compose(form) {
  const panel = form.closest(".new");
  const verdict = form.querySelector("[data-verdict]");
  const file = form.querySelector("[name=file]");
  let typing = 0;
  let asked = null;

  function stale() {
    for (const button of verdict.querySelectorAll("[data-submit]")) button.disabled = true;
  }

  async function check() {
    asked?.abort();
    asked = new AbortController();
    verdict.setAttribute("aria-busy", "true");
    try {
      const answer = await fetch("/batches/check", {
        method: "POST", body: new FormData(form), headers: { "X-Fragment": "1" }, signal: asked.signal,
      });
      const html = await answer.text();
      if (answer.ok) {
        verdict.innerHTML = html;
        if (verdict.querySelector("[data-file-id]")) file.value = "";
      } else {
        const title = new DOMParser().parseFromString(html, "text/html").querySelector("[role=alert]");
        verdict.replaceChildren(Object.assign(document.createElement("p"), {
          className: "refusal", textContent: title?.textContent ?? "That cannot be looked at.",
        }));
      }
      verdict.removeAttribute("aria-busy");
      document.getElementById("said").textContent = verdict.querySelector(".sum")?.textContent ?? "";
    } catch (error) {
      if (error.name !== "AbortError") verdict.removeAttribute("aria-busy");
    }
  }

  function changed(event) {
    if (event.target.name === "prompts" || event.target === file) verdict.querySelector("[data-file-id]")?.remove();
    stale();
    clearTimeout(typing);
    typing = setTimeout(check, event.target === file ? 0 : TYPED);
  }

  form.addEventListener("input", changed);
  form.addEventListener("submit", (event) => {
    if (event.submitter?.dataset.submit === undefined) {
      event.preventDefault();
      check();
      return;
    }
    setTimeout(stale);
  });
  verdict.addEventListener("click", (event) => {
    if (!event.target.closest("[data-forget-file]")) return;
    verdict.querySelector("[data-file-id]")?.remove();
    file.value = "";
    check();
  });
  for (const kind of ["dragover", "dragleave", "drop"]) {
    panel.addEventListener(kind, (event) => {
      event.preventDefault();
      panel.classList.toggle("over", kind === "dragover");
      if (kind !== "drop" || !event.dataTransfer.files.length) return;
      file.files = event.dataTransfer.files;
      file.dispatchEvent(new Event("input", { bubbles: true }));
    });
  }
  if (form.elements.prompts.value) check();
}
