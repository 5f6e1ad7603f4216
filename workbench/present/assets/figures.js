// Figures leave as files: the drawing with its message above and where it comes from below, in the colours on the screen.
(() => {
  const { make, tool, save, fileName } = workbench;
  const SVG = "http://www.w3.org/2000/svg";
  const MOST = { side: 16000, pixels: 8e7 }; // what browsers paint
  const KEPT = ["fill", "stroke", "stroke-width", "stroke-dasharray", "stroke-opacity", "fill-opacity", "opacity",
    "stroke-linejoin", "stroke-linecap", "font-family", "font-size", "font-weight", "font-style", "text-anchor", "dominant-baseline", "display", "visibility"];

  const size = (drawing) => {
    const box = drawing.viewBox.baseVal;
    return box && box.width ? { x: box.x, y: box.y, width: box.width, height: box.height }
      : { x: 0, y: 0, width: drawing.clientWidth, height: drawing.clientHeight };
  };
  const element = (tag, attributes, text) => {
    const made = document.createElementNS(SVG, tag);
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    if (text) made.textContent = text;
    return made;
  };
  /** A copy that looks the same where no style sheet of the page reaches it. */
  const standing = (drawing) => {
    const copy = drawing.cloneNode(true);
    const from = [drawing, ...drawing.querySelectorAll("*")], to = [copy, ...copy.querySelectorAll("*")];
    from.forEach((node, at) => {
      if (/^(title|desc|style)$/.test(node.localName)) return;
      const style = getComputedStyle(node);
      const said = KEPT.map((name) => `${name}:${style.getPropertyValue(name)}`).join(";");
      to[at].setAttribute("style", node === drawing ? said.replace(/display:[^;]*;?/, "") : said);
    });
    return copy;
  };
  const wrapped = (text, font, width) => {
    const pen = document.createElement("canvas").getContext("2d");
    pen.font = font;
    const lines = [];
    for (const word of text.split(/\s+/).filter(Boolean)) {
      const longer = lines.length ? `${lines[lines.length - 1]} ${word}` : word;
      if (lines.length && pen.measureText(longer).width <= width) lines[lines.length - 1] = longer;
      else lines.push(word);
    }
    return lines;
  };
  const text = (node) => {
    if (!node) return "";
    const copy = node.cloneNode(true);
    for (const key of copy.querySelectorAll(".wb-key")) key.remove();
    return copy.textContent.trim();
  };
  const sourceLine = () => [...document.querySelectorAll(".wb-facts > :not(button)")].map((node) => node.textContent.trim()).filter(Boolean).join(" · ");

  /** One SVG document: message, what is shown, drawing, source. */
  const sheet = (figure, drawing) => {
    const css = getComputedStyle(document.documentElement);
    const colour = (name) => css.getPropertyValue(name).trim();
    const family = getComputedStyle(document.body).fontFamily;
    const box = size(drawing), edge = 24, width = Math.max(box.width, 520);
    const lines = [
      ...wrapped(text(figure.querySelector(".wb-message")), `600 20px ${family}`, width).map((line) => [line, 20, 600, "--wb-ink"]),
      ...[...figure.querySelectorAll(".wb-sub, .wb-marks li")].flatMap((node) => wrapped(text(node), `14px ${family}`, width).map((line) => [line, 14, 400, "--wb-muted"])),
    ];
    const root = element("svg", { xmlns: SVG, "font-family": family });
    const paper = root.appendChild(element("rect", { x: 0, y: 0, fill: colour("--wb-paper") }));
    let y = edge;
    for (const [line, high, weight, ink] of lines) {
      y += high * 1.3;
      root.append(element("text", { x: edge, y: y - high * 0.3, "font-size": high, "font-weight": weight, fill: colour(ink) }, line));
    }
    const keys = [...figure.querySelectorAll("figcaption .wb-key")];
    if (keys.length) {
      y += 20;
      let x = edge;
      for (const key of keys) {
        const shade = getComputedStyle(key.querySelector("i"));
        root.append(element("rect", { x, y: y - 10, width: 14, height: 10, fill: shade.backgroundColor, opacity: shade.opacity }));
        root.append(element("text", { x: x + 20, y: y - 1, "font-size": 14, fill: colour("--wb-muted") }, key.textContent));
        x += 44 + key.textContent.length * 8;
      }
    }
    for (const item of figure.querySelectorAll(".wb-lines li")) {
      y += 20;
      const sample = item.querySelector("svg");
      if (sample) {
        const copy = standing(sample);
        for (const [name, value] of Object.entries({ x: edge, y: y - 11, width: 36, height: 12 })) copy.setAttribute(name, value);
        root.append(copy);
      }
      root.append(element("text", { x: edge + 44, y: y - 1, "font-size": 14, fill: colour("--wb-muted") }, item.textContent.trim()));
    }
    y += 18;
    const copy = standing(drawing);
    for (const [name, value] of Object.entries({ x: edge, y, width: box.width, height: box.height, viewBox: `${box.x} ${box.y} ${box.width} ${box.height}`, overflow: "visible" })) copy.setAttribute(name, value);
    root.append(copy);
    y += box.height + 28;
    root.append(element("text", { x: edge, y, "font-size": 12, fill: colour("--wb-muted") }, sourceLine()));
    const whole = { width: Math.ceil(width + 2 * edge), height: Math.ceil(y + edge - 6) };
    for (const node of [root, paper]) for (const [name, value] of Object.entries(whole)) node.setAttribute(name, value);
    root.setAttribute("viewBox", `0 0 ${whole.width} ${whole.height}`);
    return { text: new XMLSerializer().serializeToString(root), ...whole };
  };

  const png = async (made) => {
    const scale = Math.min(2, MOST.side / made.width, MOST.side / made.height, Math.sqrt(MOST.pixels / (made.width * made.height)));
    const image = new Image();
    // an address that carries its data: a canvas painted from it may be read, from file:// too
    image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(made.text)}`;
    await image.decode();
    const canvas = make("canvas", { width: Math.round(made.width * scale), height: Math.round(made.height * scale) });
    canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
    return new Promise((done, failed) => canvas.toBlob((blob) => (blob ? done(blob) : failed(new Error("too large for a PNG"))), "image/png"));
  };

  for (const figure of document.querySelectorAll(".wb-figure")) {
    const shown = () => [...figure.querySelectorAll("svg[role~=img]")].find((drawing) => drawing.getClientRects().length);
    if (!figure.querySelector("svg[role~=img]")) continue;
    const title = text(figure.querySelector(".wb-message"));
    figure.append(make("div", { class: "wb-tools", role: "group", "aria-label": `Save: ${title}` },
      tool("Save as PNG", async () => { save(fileName(title, "png"), await png(sheet(figure, shown()))); return "saved"; }),
      tool("Save as SVG", () => { save(fileName(title, "svg"), new Blob([sheet(figure, shown()).text], { type: "image/svg+xml" })); return "saved"; })));
  }
})();
