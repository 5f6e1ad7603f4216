// Tables sort by their heads, are searched, and leave as Markdown or CSV. Without script they are all there.
(() => {
  const { make, tool, save, fileName } = workbench;
  const LONG = 8; // rows from which a box to search in is worth its place
  const order = new Intl.Collator(undefined, { numeric: true, sensitivity: "base" });
  const UNITS = { "": 1, "%": 0.01, k: 1e3, M: 1e6, G: 1e9, T: 1e12, B: 1, kB: 1e3, MB: 1e6, GB: 1e9, TB: 1e12, PB: 1e15,
    ms: 1e-3, s: 1, min: 60, h: 3600, d: 86400, day: 86400, days: 86400 };

  /** What a cell says, without the marks of footnotes: `(2)` stands for the second note. */
  const words = (cell) => {
    const copy = cell.cloneNode(true);
    for (const fold of copy.querySelectorAll("details")) fold.replaceWith(fold.querySelector("pre")?.textContent || fold.textContent);
    for (const line of copy.querySelectorAll("br")) line.replaceWith("; ");
    for (const note of copy.querySelectorAll("sup")) note.replaceWith(` (${note.textContent})`);
    return copy.textContent.replace(/\s+/g, " ").trim();
  };
  const unknown = (cell) => !cell || cell.classList.contains("wb-none");
  const number = (text) => {
    const found = /^[≤≥<>~+]?\s*([-−]?[\d,]*\.?\d+)\s*([a-zA-Z%]*)$/.exec(text);
    if (!found || !Object.hasOwn(UNITS, found[2])) return NaN;
    return Number(found[1].replace(/,/g, "").replace("−", "-")) * UNITS[found[2]];
  };
  /** What cells of a column are compared by: figures where every known one is a figure, else text. */
  const keysOf = (cells) => {
    const given = cells.map((cell) => (unknown(cell) ? null : cell.dataset.value ?? words(cell)));
    const figures = given.map((text, at) => (text === null ? null : cells[at].dataset.value !== undefined ? Number(text) : number(text)));
    const known = figures.filter((value) => value !== null);
    return known.length && !known.some(Number.isNaN) ? figures : given;
  };

  const markdown = (text) => text.replace(/[\\`*_[\]<>|#~]/g, "\\$&");
  /** A field of CSV. Text that a spreadsheet would take for a formula is kept from being one. */
  const field = (text) => {
    const safe = /^[=+\-@\t\r]/.test(text) && Number.isNaN(Number(text)) ? `'${text}` : text;
    return /[",\n\r]/.test(safe) ? `"${safe.replace(/"/g, '""')}"` : safe;
  };

  for (const block of document.querySelectorAll("div.wb-table")) {
    const table = block.querySelector("table");
    const frame = block.querySelector(".wb-scroll");
    const heads = [...table.tHead.rows[0].cells];
    const caption = table.caption?.textContent || "Table";
    // a row and what stands below it are one body
    const bodies = [...table.tBodies];
    const groups = bodies.length > 1 ? bodies : [...table.rows].slice(1);
    const rowOf = (group) => (group.localName === "tbody" ? group.rows[0] : group);
    const asGiven = [...groups];
    let shown = groups;

    const sort = (at, direction) => {
      if (direction === "none") shown = asGiven;
      else {
        const keys = keysOf(asGiven.map((group) => rowOf(group).cells[at]));
        const sign = direction === "ascending" ? 1 : -1;
        const compare = (a, b) => (typeof a === "number" ? a - b : order.compare(a, b));
        const places = asGiven.map((_, place) => place).sort((a, b) => {
          if (keys[a] === null || keys[b] === null) return (keys[a] === null) - (keys[b] === null) || a - b;
          return sign * compare(keys[a], keys[b]) || a - b;
        });
        shown = places.map((place) => asGiven[place]);
      }
      (bodies.length > 1 ? table : bodies[0]).append(...shown);
      heads.forEach((head, place) => {
        if (place === at && direction !== "none") head.setAttribute("aria-sort", direction);
        else head.removeAttribute("aria-sort");
      });
    };
    if (groups.length > 1) {
      heads.forEach((head, at) => {
        const button = make("button", { type: "button", class: "wb-sort", title: "Sort by this column" });
        button.append(...head.childNodes);
        head.append(button);
        // largest first where there are figures
        const turns = head.classList.contains("wb-n") ? ["descending", "ascending", "none"] : ["ascending", "descending", "none"];
        button.addEventListener("click", () => sort(at, turns[(turns.indexOf(head.getAttribute("aria-sort") || "none") + 1) % 3]));
      });
    }

    if (groups.length >= LONG) {
      const texts = new Map(groups.map((group) => [group, group.textContent.toLowerCase()]));
      const box = make("input", { type: "search", placeholder: "Search these rows", autocomplete: "off", "aria-label": `Search: ${caption}` });
      const count = make("output");
      box.addEventListener("input", () => {
        const typed = box.value.toLowerCase().split(/\s+/).filter(Boolean);
        let left = 0;
        for (const group of groups) {
          group.hidden = !typed.every((word) => texts.get(group).includes(word));
          left += !group.hidden;
        }
        count.textContent = typed.length ? `${left} of ${groups.length} rows with “${box.value.trim()}”` : "";
      });
      block.prepend(make("div", { class: "wb-search" }, box, count));
    }

    const rows = () => shown.filter((group) => !group.hidden);
    const below = (group) => (group.localName === "tbody" ? [...group.rows].slice(1).map((row) => words(row.cells[0])) : []);
    const belowHeads = (found) => (found.length ? Array.from(below(found[0]), (_, at) => (at ? `below ${at + 1}` : "below")) : []);
    /** A head with a unit: the one that is shown, or for exact figures the one that they are in. */
    const headText = (head, unit) => {
      const shown = head.querySelector(".wb-unit")?.textContent || "";
      const text = head.textContent.trim();
      const said = unit ?? shown;
      return `${text.slice(0, text.length - shown.length).trim()}${said ? ` (${said})` : ""}`;
    };
    const asMarkdown = () => {
      const found = rows();
      const line = (cells) => `| ${cells.map(markdown).join(" | ")} |`;
      const rule = `|${heads.map((head) => (head.classList.contains("wb-n") ? "---:" : "---")).join("|")}${"|---".repeat(belowHeads(found).length)}|`;
      const told = found.map((group) => line([...[...rowOf(group).cells].map(words), ...below(group)]));
      const notes = [...block.querySelectorAll(".wb-notes li")].map((note, at) => `(${at + 1}) ${markdown(note.textContent)}`);
      return [line([...heads.map((head) => headText(head)), ...belowHeads(found)]), rule, ...told, ...notes.flatMap((note) => ["", note])].join("\n") + "\n";
    };
    /** Exact values: bytes and not MB, both ends where a figure is an interval; what is unknown says so. */
    const asCsv = () => {
      const found = rows();
      const columns = heads.map((head, at) => {
        const cells = found.map((group) => rowOf(group).cells[at]);
        const name = headText(head, head.dataset.unit);
        const high = cells.map((cell) => (cell.dataset.open !== undefined ? "unknown" : cell.dataset.value ?? words(cell)));
        if (!cells.some((cell) => cell.dataset.from !== undefined || cell.dataset.open !== undefined)) return [[name, ...high]];
        const low = cells.map((cell) => cell.dataset.from ?? cell.dataset.value ?? words(cell));
        return [[`${name}, at least`, ...low], [`${name}, at most`, ...high]];
      }).flat();
      const under = belowHeads(found).map((name, at) => [name, ...found.map((group) => below(group)[at])]);
      const all = [...columns, ...under];
      return all[0].map((_, at) => all.map((column) => field(column[at])).join(",")).join("\r\n") + "\r\n";
    };
    /** Puts text where paste finds it; where a browser refuses, it stands there selected. */
    const copy = async (text, button) => {
      try { await navigator.clipboard.writeText(text); return "copied"; } catch { /* not allowed: the old way */ }
      block.querySelector(".wb-copy")?.remove();
      const area = make("textarea", { class: "wb-copy", readonly: "", rows: "6", "aria-label": "Text to copy" });
      area.value = text;
      button.parentElement.after(area);
      area.select();
      if (document.execCommand("copy")) { area.remove(); button.focus(); return "copied"; }
      area.addEventListener("keydown", (event) => { if (event.key === "Escape") { area.remove(); button.focus(); } });
      return "press Ctrl+C";
    };
    frame.after(make("div", { class: "wb-tools", role: "group", "aria-label": `Copy: ${caption}` },
      tool("Copy as Markdown", (button) => copy(asMarkdown(), button)),
      tool("Copy as CSV", (button) => copy(asCsv(), button)),
      tool("Save as CSV", () => { save(fileName(caption, "csv"), new Blob(["\ufeff", asCsv()], { type: "text/csv" })); return "saved"; })));

    // a table that fits needs no frame: its head then stays in sight as long as its rows are
    const fit = () => frame.classList.toggle("wb-fits", table.offsetWidth > 0 && table.offsetWidth <= block.clientWidth);
    new ResizeObserver(fit).observe(block);
  }
})();
