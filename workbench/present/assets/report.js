// The page is complete without this. It marks, in the contents, the section that is being read.
(() => {
  let links = new Map(), headings = [], waiting = false;
  const gather = () => {
    const shown = [...document.querySelectorAll(".wb-rail")].find((rail) => !rail.closest("[hidden]"));
    links = new Map([...(shown?.querySelectorAll("a") || [])].map((link) => [decodeURIComponent(link.hash.slice(1)), link]));
    headings = [...links.keys()].map((id) => document.getElementById(id)).filter(Boolean);
    mark();
  };
  const mark = () => {
    waiting = false;
    if (!headings.length) return;
    const read = headings.filter((heading) => heading.getBoundingClientRect().top < 160).pop() || headings[0];
    for (const [id, link] of links) {
      if (id === read.id) link.setAttribute("aria-current", "true");
      else link.removeAttribute("aria-current");
    }
  };
  addEventListener("scroll", () => { if (!waiting) { waiting = true; requestAnimationFrame(mark); } }, { passive: true });
  addEventListener("workbench:page", gather);
  gather();
})();
// The head stays in sight: anchors and the heads of tables stop below it, however tall it is.
(() => {
  const head = document.querySelector(".wb-head");
  if (!head) return;
  const measure = () => document.documentElement.style.setProperty("--wb-head", `${head.offsetHeight}px`);
  new ResizeObserver(measure).observe(head);
  measure();
})();
// An address may point into what is folded: it opens. What it points at is marked for the reader's eye.
(() => {
  const reveal = () => {
    document.querySelector(".wb-target")?.classList.remove("wb-target");
    const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (!target) return;
    let folded = false;
    for (let at = target.parentElement; at; at = at.parentElement) {
      if (at.localName === "details" && !at.open) { at.open = true; folded = true; }
    }
    if (target.matches("tr")) target.classList.add("wb-target");
    if (folded) target.scrollIntoView();
  };
  addEventListener("hashchange", reveal);
  reveal();
})();
