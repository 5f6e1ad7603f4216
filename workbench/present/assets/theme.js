// The colours that the reader chose last count before anything is painted; without a choice, the system's do.
// This file is loaded first of all scripts, and its helpers serve the others.
window.workbench = {
  /** An element with attributes, and text or elements inside. */
  make(tag, attributes = {}, ...inside) {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    made.append(...inside);
    return made;
  },
  /** A button in the quiet line under a table or figure; its own text says for a moment what became of the click. */
  tool(label, run) {
    const made = workbench.make("button", { type: "button" }, label);
    made.addEventListener("click", async () => {
      let said;
      try { said = await run(made); } catch (error) { said = `failed: ${error.message || error}`; }
      if (!said) return;
      made.textContent = said;
      setTimeout(() => { made.textContent = label; }, 2500);
    });
    return made;
  },
  /** Hands a file over without network. */
  save(name, blob) {
    const link = workbench.make("a", { href: URL.createObjectURL(blob), download: name });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60000);
  },
  /** A name for a file: what a caption or a title says, in letters that every system takes. */
  fileName(text, end) {
    const words = text.toLowerCase().replace(/[^\p{L}\p{N}]+/gu, "-").replace(/^-|-$/g, "").slice(0, 60);
    return `${words || "report"}.${end}`;
  },
};
(() => {
  const key = "workbench-colours";
  const root = document.documentElement;
  const kept = () => { try { return localStorage.getItem(key); } catch { return null; } };
  const keep = (value) => { try { localStorage.setItem(key, value); } catch { /* for this page only */ } };
  if (["light", "dark"].includes(kept())) root.dataset.theme = kept();
  root.classList.add("wb-script");
  const system = matchMedia("(prefers-color-scheme: dark)");
  const dark = () => (root.dataset.theme ? root.dataset.theme === "dark" : system.matches);
  addEventListener("DOMContentLoaded", () => {
    const place = document.querySelector(".wb-facts");
    if (!place) return;
    const button = workbench.make("button", { type: "button", class: "wb-colours" });
    const say = () => { button.textContent = dark() ? "Light colours" : "Dark colours"; };
    button.addEventListener("click", () => {
      root.dataset.theme = dark() ? "light" : "dark";
      keep(root.dataset.theme);
      say();
    });
    system.addEventListener("change", say);
    say();
    place.append(button);
  });
})();
