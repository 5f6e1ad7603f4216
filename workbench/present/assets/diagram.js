// Diagrams are whole pictures without this. It adds moving and zooming, a search, a legend that filters, and a look
// at one node with its neighbours. Names come from databases: they are only ever set as text.
(() => {
  const LEAST = 0.05, MOST = 4, LEGIBLE = 0.75, STEP = 1.25;
  const make = (tag, attributes = {}, ...content) => {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    element.append(...content);
    return element;
  };
  const count = (number, noun) => `${number.toLocaleString("en")} ${noun}${number === 1 ? "" : "s"}`;

  /** Which part of a picture is seen, and how large. The frame scrolls; the picture's width is the zoom. */
  class View {
    constructor(frame, svg, veil) {
      Object.assign(this, { frame, svg, veil });
      [, , this.wide, this.high] = svg.getAttribute("viewBox").split(" ").map(Number);
    }
    get zoom() {
      return this.svg.getBoundingClientRect().width / this.wide;
    }
    /** What is at `at` (px of the window; the middle of the frame, if not said) stays where it is. */
    zoomTo(wanted, at) {
      const { frame, svg } = this;
      const box = frame.getBoundingClientRect();
      const before = this.zoom;
      if (!before) return; // folded away
      const zoom = Math.min(MOST, Math.max(LEAST, wanted));
      // the frame keeps its height, so that the page below stays where it is
      frame.style.height ||= `${Math.max(box.height, Math.min(320, innerHeight * 0.85))}px`;
      const x = at ? at.x - box.left : frame.clientWidth / 2;
      const y = at ? at.y - box.top : frame.clientHeight / 2;
      const left = ((frame.scrollLeft + x) * zoom) / before - x;
      const top = ((frame.scrollTop + y) * zoom) / before - y;
      for (const sheet of [svg, this.veil.layer]) sheet.style.width = `${this.wide * zoom}px`;
      frame.scrollTo({ left, top, behavior: "instant" });
    }
    fit() {
      const { frame } = this;
      frame.style.height ||= `${frame.offsetHeight}px`;
      this.zoomTo(Math.min(1, frame.clientWidth / this.wide, frame.clientHeight / this.high));
    }
    /** Bring a place of the picture to the middle of what is seen of the frame. */
    reveal({ at: [x, y, wide, high] }, least = 0) {
      if (this.zoom < least) this.zoomTo(least);
      const { frame, zoom } = this, box = frame.getBoundingClientRect();
      const top = Math.max(box.top, 0), bottom = Math.min(box.bottom, innerHeight);
      const middle = bottom > top ? (top + bottom) / 2 - box.top : box.height / 2;
      frame.scrollTo({
        left: (x + wide / 2) * zoom - frame.clientWidth / 2,
        top: (y + high / 2) * zoom - middle,
        behavior: "instant",
      });
    }
  }

  /** What a picture shows, read from the data of its groups: nodes by id, and edges with all that is drawn of them. */
  class Graph {
    constructor(svg) {
      this.nodes = new Map();
      this.edges = [];
      for (const group of svg.querySelectorAll(".wb-box")) {
        const { node: id, name, service } = group.dataset;
        const at = place(group), title = group.classList.contains("wb-title");
        this.nodes.set(id, {
          id, name, service, group, title, at, x: at[0] + at[2] / 2, y: at[1] + at[3] / 2, rows: [],
          text: name.toLowerCase(), path: `${service}.${name}`.toLowerCase(),
        });
      }
      for (const group of svg.querySelectorAll(".wb-row")) {
        const { node, name } = group.dataset;
        this.nodes.get(node)?.rows.push({ group, at: place(group), text: name.toLowerCase() });
      }
      for (const group of svg.querySelectorAll(".wb-edge, .wb-label")) {
        const { from, to, kind, status, weight } = group.dataset;
        this.edges.push({ group, from, to, kind, status, weight: group.matches(".wb-edge") ? Number(weight) : 0 });
      }
    }
    /** The nodes that stand for one: itself, or with a service's name all that the service has. */
    meant(node) {
      if (!node.title) return new Set([node.id]);
      const own = [...this.nodes.values()].filter((other) => other.service === node.service && !isStub(other));
      return new Set(own.map((other) => other.id));
    }
    /** Nodes whose name, or a row's, has every word; with a point in it, a word is of service and name. Best first. */
    search(words) {
      const hits = [];
      for (const node of this.nodes.values()) {
        const own = (word) => (word.includes(".") ? node.path : node.text).includes(word);
        const rows = node.rows.filter(
          (row) => words.some((word) => row.text.includes(word)) && words.every((word) => row.text.includes(word) || own(word)),
        );
        const named = words.every(own);
        if (!named && !rows.length) continue;
        const whole = words.join(" ");
        const rank = node.text === whole || node.path === whole ? 0 : node.text.startsWith(whole) ? 1 : named ? 2 : 3;
        hits.push({ node, rows, rank });
      }
      return hits.sort((one, other) => one.rank - other.rank);
    }
    /** The nearest node in a direction; what is aside counts three times. */
    beside(node, [dx, dy]) {
      let best = null, least = Infinity;
      for (const other of this.nodes.values()) {
        const along = (other.x - node.x) * dx + (other.y - node.y) * dy;
        const aside = Math.abs((other.x - node.x) * dy) + Math.abs((other.y - node.y) * dx);
        if (along > 1 && along + 3 * aside < least) [best, least] = [other, along + 3 * aside];
      }
      return best;
    }
    /** The next node, or the one before, by name: so that every one is reached. */
    after(node, by) {
      const all = [...this.nodes.values()];
      return all[(all.indexOf(node) + by + all.length) % all.length];
    }
  }
  const isStub = (node) => node.group.classList.contains("wb-stub");
  const focusable = (group) => (group.hasAttribute("tabindex") ? group : group.querySelector("a"));

  /**
   * A veil over the picture with holes where it is looked at: a sheet of its own, so that nothing below it changes
   * or is painted again, and a thousand tables cost what one costs. Only lines are drawn again above it.
   */
  class Veil {
    constructor(svg) {
      const draw = (tag, name) => {
        const made = document.createElementNS(svg.namespaceURI, tag);
        made.setAttribute("class", name);
        return made;
      };
      this.layer = draw("svg", "wb-veil");
      this.layer.setAttribute("viewBox", svg.getAttribute("viewBox"));
      this.layer.setAttribute("aria-hidden", "true");
      this.layer.style.cssText = svg.style.cssText;
      this.parts = {};
      for (const name of ["ground", "tint", "lines", "outline", "strong"]) {
        this.parts[name] = draw(name === "lines" ? "g" : "path", `wb-${name}`);
        this.layer.append(this.parts[name]);
      }
      this.parts.ground.setAttribute("fill-rule", "evenodd");
      this.sheet = rectangle([0, 0, ...svg.getAttribute("viewBox").split(" ").slice(2).map(Number)]);
      svg.after(this.layer);
    }
    /** Leave `open` boxes bare; draw `lines` above; put an outline around boxes, a tint over rows. */
    show({ open = [], lines = [], outline = [], strong = [], tint = [] }) {
      const path = (name, text) => this.parts[name].setAttribute("d", text);
      path("ground", [this.sheet, ...open.map(({ at }) => rectangle(at))].join(""));
      path("outline", outline.map(({ at }) => rectangle(at)).join(""));
      path("strong", strong.map(({ at }) => rectangle(at)).join(""));
      path("tint", tint.map(({ at }) => rectangle(at)).join(""));
      this.parts.lines.replaceChildren(
        ...lines.flatMap((group) => [...group.children].filter((child) => child.localName !== "title").map((child) => child.cloneNode(true))),
      );
      this.layer.classList.add("wb-shown");
    }
    hide() {
      this.layer.classList.remove("wb-shown");
      this.parts.lines.replaceChildren();
    }
  }
  const place = (group) => {
    const rect = group.querySelector("rect");
    return ["x", "y", "width", "height"].map((key) => Number(rect.getAttribute(key)));
  };
  const rectangle = ([x, y, wide, high]) => `M${x} ${y}h${wide}v${high}h${-wide}z`;

  /** A diagram of the page: what the reader chose, searched and hid, and how that looks. */
  class Diagram {
    constructor(figure, frame, svg) {
      const veil = new Veil(svg), view = new View(frame, svg, veil);
      Object.assign(this, { figure, frame, svg, veil, view, chosen: null, near: [], hidden: new Set(), hits: [], at: 0 });
      this.addTools();
      this.addFilters();
      this.addMoves();
      this.addKeys();
      this.addTip();
      // one stop of the Tab key for the nodes: arrows go from one to the next
      for (const stop of svg.querySelectorAll("[tabindex], a")) stop.setAttribute("tabindex", "-1");
      this.stops([svg.querySelector(".wb-box")]);
    }
    get graph() {
      return (this.read ??= new Graph(this.svg));
    }

    addTools() {
      this.box = make("input", { type: "search", placeholder: "Search this diagram", autocomplete: "off", spellcheck: "false" });
      this.box.setAttribute("aria-label", `Search tables, services and columns: ${this.frame.getAttribute("aria-label")}`);
      this.said = make("output", { "aria-live": "polite" });
      const button = (label, text, act) => {
        const made = make("button", { type: "button", "aria-label": label, title: label }, text);
        made.addEventListener("click", act);
        return made;
      };
      const buttons = [
        button("Zoom out", "−", () => this.view.zoomTo(this.view.zoom / STEP)),
        button("Zoom in", "+", () => this.view.zoomTo(this.view.zoom * STEP)),
        button("Show all of it", "Fit", () => this.view.fit()),
      ];
      if (document.fullscreenEnabled) buttons.push(button("Full screen", "Full screen", () => this.toggleFull()));
      const zoom = make("span", { class: "wb-buttons", role: "group", "aria-label": "View" }, ...buttons);
      this.frame.before(make("div", { class: "wb-tools" }, this.box, this.said, zoom));
      const keys = "Tab to a node · Arrows or Page keys go on · Enter shows neighbours, Tab goes through them · + − 0 zoom · Esc clears";
      this.help = make("p", { class: "wb-help" }, keys);
      this.frame.after(this.help);
      this.box.addEventListener("focus", () => this.graph); // read before the first letter comes
      this.box.addEventListener("input", () => this.search());
      this.box.addEventListener("keydown", (event) => {
        if (event.key === "Enter") this.step(event.shiftKey ? -1 : 1);
        else if (event.key === "ArrowDown") this.focus(this.hits[this.at]?.node.group ?? this.svg.querySelector(".wb-box"));
        else if (event.key === "Escape") this.clearSearch();
        else return;
        event.preventDefault();
      });
    }
    addFilters() {
      for (const item of this.figure.querySelectorAll(".wb-lines li:is([data-kind], [data-status])")) {
        const button = make("button", { type: "button", "aria-pressed": "true", title: "Show or hide these" });
        button.append(...item.childNodes);
        item.append(button);
        item.hidden = false;
        button.addEventListener("click", () => {
          button.setAttribute("aria-pressed", String(button.getAttribute("aria-pressed") !== "true"));
          this.filter();
        });
      }
    }
    addMoves() {
      const { frame, svg } = this;
      frame.addEventListener("wheel", (event) => {
        if (!(event.ctrlKey || event.metaKey) && (event.shiftKey || !frame.contains(document.activeElement))) return;
        event.preventDefault();
        this.view.zoomTo(this.view.zoom * Math.exp(-Math.max(-120, Math.min(120, event.deltaY)) / 400), event);
      }, { passive: false });
      let from = null, moved = false;
      frame.addEventListener("pointerdown", (event) => {
        moved = false;
        // fingers scroll the frame by themselves, and so do its scroll bars
        if (event.button || event.pointerType === "touch" || event.target === frame) return;
        from = { x: event.clientX, y: event.clientY, left: frame.scrollLeft, top: frame.scrollTop };
      });
      frame.addEventListener("pointermove", (event) => {
        if (!from || !event.buttons) return;
        const dx = event.clientX - from.x, dy = event.clientY - from.y;
        if (!moved && Math.hypot(dx, dy) < 5) return;
        if (!moved) frame.setPointerCapture(event.pointerId);
        moved = true;
        frame.classList.add("wb-moving");
        frame.scrollTo({ left: from.left - dx, top: from.top - dy, behavior: "instant" });
      });
      const end = () => {
        from = null;
        frame.classList.remove("wb-moving");
      };
      frame.addEventListener("pointerup", end);
      frame.addEventListener("pointercancel", end);
      frame.addEventListener("dragstart", (event) => event.preventDefault());
      frame.addEventListener("click", (event) => {
        if (event.ctrlKey || event.metaKey || event.shiftKey) return; // of a link: as the browser does it
        const group = event.target.closest(".wb-box, .wb-row, .wb-edge, .wb-label");
        if (group && svg.contains(group)) event.preventDefault();
        if (moved) return;
        this.choose(group && svg.contains(group) ? group : null);
      });
    }
    addKeys() {
      const turns = { PageDown: 1, PageUp: -1 };
      const ways = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
      this.figure.addEventListener("keydown", (event) => {
        if (event.key === "Escape" && event.target !== this.box) this.clear();
      });
      this.frame.addEventListener("keydown", (event) => {
        if (event.ctrlKey || event.metaKey || event.altKey) return;
        const group = event.target.closest(".wb-box, .wb-row, .wb-edge");
        const node = group && this.graph.nodes.get(group.dataset.node);
        if (event.key === "+" || event.key === "=") this.view.zoomTo(this.view.zoom * STEP);
        else if (event.key === "-" || event.key === "_") this.view.zoomTo(this.view.zoom / STEP);
        else if (event.key === "0") this.view.fit();
        else if (group && (event.key === "Enter" || event.key === " ")) this.choose(group);
        else if (node && ways[event.key]) this.focus(this.graph.beside(node, ways[event.key])?.group);
        else if (node && turns[event.key]) this.focus(this.graph.after(node, turns[event.key]).group);
        else if (event.target === this.frame && ways[event.key]) {
          const [left, top] = ways[event.key].map((way) => way * 80);
          const before = [this.frame.scrollLeft, this.frame.scrollTop];
          this.frame.scrollBy({ left, top, behavior: "instant" });
          // at the edge, the page goes on
          if (before[0] === this.frame.scrollLeft && before[1] === this.frame.scrollTop) return;
        } else return;
        event.preventDefault();
      });
    }
    /** Who points at something is told by the browser; who comes by keyboard, by this. */
    addTip() {
      const tip = make("div", { class: "wb-tip", "aria-hidden": "true", hidden: "" });
      this.figure.append(tip);
      let group = null;
      const place = () => {
        if (!group) return;
        const own = group.getBoundingClientRect(), frame = this.frame.getBoundingClientRect();
        const low = Math.min(own.bottom, frame.bottom) + 6;
        tip.style.left = `${Math.max(8, Math.min(Math.max(own.left, frame.left), innerWidth - tip.offsetWidth - 8))}px`;
        tip.style.top = `${low + tip.offsetHeight < innerHeight ? low : Math.max(8, Math.max(own.top, frame.top) - tip.offsetHeight - 6)}px`;
      };
      this.frame.addEventListener("focusin", (event) => {
        // a class: with :has(), a change of one line would have the style of a thousand tables computed again
        this.help.classList.toggle("wb-shown", event.target.matches(":focus-visible"));
        const found = event.target.closest("g");
        const text = found?.matches(".wb-box, .wb-row, .wb-edge") && event.target.matches(":focus-visible") && found.querySelector("title")?.textContent;
        group = text ? found : null;
        tip.hidden = !text;
        tip.textContent = text || "";
        place();
      });
      this.frame.addEventListener("focusout", () => {
        group = null;
        tip.hidden = true;
        this.help.classList.remove("wb-shown");
      });
      for (const target of [this.frame, window]) target.addEventListener("scroll", place, { passive: true });
    }

    /** Let the Tab key stop at these groups, and at no other. */
    stops(groups) {
      for (const stop of this.stopped ?? []) stop.setAttribute("tabindex", "-1");
      this.stopped = groups.map((group) => group && focusable(group)).filter(Boolean);
      for (const stop of this.stopped) stop.setAttribute("tabindex", "0");
    }
    focus(group) {
      const stop = group && focusable(group);
      if (!stop) return;
      if (!this.stopped.includes(stop)) this.stops(this.chosen ? [...this.near, group] : [group]);
      stop.focus({ preventScroll: true });
      this.view.reveal({ at: place(group) });
    }

    /** Show a node, or an edge's two ends, with what joins them, and dim all else; nothing shows all again. */
    choose(group) {
      this.chosen = group;
      const { nodes, edges } = this.graph, seen = edges.filter((edge) => !this.hidden.has(edge.group));
      const joining = [];
      const data = group?.dataset;
      const node = group?.matches(".wb-edge, .wb-label") ? null : nodes.get(data?.node);
      const own = node ? this.graph.meant(node) : new Set();
      const near = new Set(own);
      let references = 0;
      for (const edge of group ? seen : []) {
        if (node ? !(own.has(edge.from) || own.has(edge.to)) : !(edge.from === data.from && edge.to === data.to)) continue;
        joining.push(edge.group);
        near.add(edge.from).add(edge.to);
        references += edge.weight;
      }
      const boxes = [...near].map((id) => nodes.get(id)).filter(Boolean);
      this.near = [...joining, ...boxes.map((found) => found.group)];
      this.stops(group ? this.near : [this.svg.querySelector(".wb-box")]);
      if (!group) return this.show();
      const isRow = (found) => found.classList.contains("wb-row");
      this.veil.show({
        open: boxes,
        strong: node ? [node] : boxes,
        lines: joining.filter((found) => !isRow(found)),
        tint: joining.filter(isRow).map((found) => ({ at: place(found) })),
      });
      const others = [...near].filter((id) => !own.has(id)).length;
      const joined = `${count(others, "neighbour")}, ${count(references, "reference")}`;
      const ends = [data.from, data.to].map((id) => nodes.get(id)?.name);
      this.tell(node ? `${node.name}: ${joined}` : `${ends.join(" → ")}: ${count(references, "reference")}`);
      const href = node?.group.querySelector("a")?.getAttribute("href");
      if (href) this.said.append(" · ", make("a", { href }, "its page"));
    }
    filter() {
      const shut = [...this.figure.querySelectorAll(".wb-lines button[aria-pressed=false]")].map((button) => button.parentElement.dataset);
      const kinds = new Set(shut.map((data) => data.kind)), states = new Set(shut.map((data) => data.status));
      const hidden = this.graph.edges.filter(
        ({ kind, status }) => states.has(status) || (status !== "violation" && kinds.has(kind)),
      );
      this.hidden = new Set(hidden.map((edge) => edge.group));
      for (const edge of this.graph.edges) edge.group.classList.toggle("wb-off", this.hidden.has(edge.group));
      if (this.chosen) this.choose(this.hidden.has(this.chosen) ? null : this.chosen);
    }
    search() {
      const words = this.box.value.toLowerCase().split(/\s+/).filter(Boolean);
      this.chosen = null;
      this.hits = words.length ? this.graph.search(words) : [];
      this.at = 0;
      this.show({ move: true });
    }
    step(by) {
      if (!this.hits.length) return;
      this.chosen = null;
      this.at = (this.at + by + this.hits.length) % this.hits.length;
      this.show({ move: true, least: LEGIBLE });
    }
    /** Show what was searched for, or everything. */
    show({ move = false, least = 0 } = {}) {
      const hit = this.hits[this.at];
      if (hit) {
        const open = this.hits.map((found) => found.node);
        this.veil.show({ open, outline: open, strong: [hit.node], tint: this.hits.flatMap((found) => found.rows) });
        if (move) this.view.reveal(hit.rank === 3 ? hit.rows[0] : hit.node, least);
      } else if (this.box.value.trim()) this.veil.show({});
      else this.veil.hide();
      this.stops([hit?.node.group ?? this.svg.querySelector(".wb-box")]);
      this.tell();
    }
    tell(text = "") {
      const searched = this.box.value.trim();
      const found = this.hits.length ? `${this.at + 1} of ${this.hits.length.toLocaleString("en")} found` : "nothing found";
      this.said.textContent = text || (searched ? found : "");
    }
    clear() {
      if (this.chosen) this.choose(null);
      else this.clearSearch();
    }
    clearSearch() {
      this.box.value = "";
      this.search();
    }
    toggleFull() {
      if (document.fullscreenElement === this.figure) document.exitFullscreen();
      else this.figure.requestFullscreen().catch(() => {});
    }
  }

  const frames = [...document.querySelectorAll(".wb-figure .wb-diagram-frame")];
  const diagrams = frames.map((frame) => new Diagram(frame.closest(".wb-figure"), frame, frame.querySelector("svg")));
  // an address may name a table: its first diagram shows it
  const arrive = () => {
    let name = "";
    try {
      name = decodeURIComponent(location.hash.slice(1));
    } catch {
      return; // no address of ours
    }
    const target = name && document.getElementById(name);
    const diagram = target && diagrams.find((one) => one.svg.contains(target));
    if (!diagram || !target.matches(".wb-box")) return;
    diagram.choose(target);
    diagram.view.reveal({ at: place(target) });
  };
  addEventListener("hashchange", arrive);
  arrive();
})();
