// The page is complete without this. It marks, in the contents, the section that is being read.
(() => {
  const links = new Map(
    [...document.querySelectorAll(".wb-rail a")].map((link) => [decodeURIComponent(link.hash.slice(1)), link]),
  );
  const headings = [...links.keys()].map((id) => document.getElementById(id)).filter(Boolean);
  if (!headings.length) return;
  let waiting = false;
  const mark = () => {
    waiting = false;
    const read = headings.filter((heading) => heading.getBoundingClientRect().top < 160).pop() || headings[0];
    for (const [id, link] of links) {
      if (id === read.id) link.setAttribute("aria-current", "true");
      else link.removeAttribute("aria-current");
    }
  };
  addEventListener("scroll", () => { if (!waiting) { waiting = true; requestAnimationFrame(mark); } }, { passive: true });
  mark();
})();
// A box over long tables: rows stay that hold every word typed.
(() => {
  for (const table of document.querySelectorAll(".wb-table[data-search]")) {
    const bodies = [...table.querySelectorAll("tbody")];
    const rows = bodies.length > 1 ? bodies : [...table.querySelectorAll("tbody tr")];
    if (rows.length < 8) continue;
    const texts = rows.map((row) => row.textContent.toLowerCase());
    const box = document.createElement("input");
    const count = document.createElement("output");
    const bar = document.createElement("div");
    bar.className = "wb-search";
    box.type = "search";
    box.placeholder = "Search these rows";
    box.setAttribute("aria-label", `Search: ${table.querySelector("caption")?.textContent || "table"}`);
    box.autocomplete = "off";
    box.addEventListener("input", () => {
      const words = box.value.toLowerCase().split(/\s+/).filter(Boolean);
      let left = 0;
      rows.forEach((row, at) => {
        row.hidden = !words.every((word) => texts[at].includes(word));
        left += !row.hidden;
      });
      count.textContent = words.length ? `${left} of ${rows.length} rows with “${box.value.trim()}”` : "";
    });
    bar.append(box, count);
    table.prepend(bar);
  }
})();
