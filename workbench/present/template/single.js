// One page at a time of a report in one file. An address is #page or #page/section; without script all pages stand below each other.
(() => {
  const pages = new Map([...document.querySelectorAll(".wb-page")].map((page) => [page.id, page]));
  const links = [...document.querySelectorAll(".wb-pages a")];
  const skip = document.querySelector(".wb-skip");
  const estate = document.querySelector(".wb-estate").textContent;
  const show = () => {
    const address = decodeURIComponent(location.hash.slice(1));
    const names = [...pages.keys()].filter((name) => address === name || address.startsWith(`${name}/`));
    const name = names.sort((one, other) => other.length - one.length)[0] || pages.keys().next().value;
    for (const [at, page] of pages) page.hidden = at !== name;
    for (const link of links) {
      if (decodeURIComponent(link.hash.slice(1)) === name) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
    document.title = `${pages.get(name).dataset.title} · ${estate}`;
    skip.setAttribute("href", `#${name}/content`);
    const target = address === name ? null : document.getElementById(address);
    if (target) target.scrollIntoView({ behavior: "instant" });
    else scrollTo({ top: 0, behavior: "instant" });
    dispatchEvent(new Event("workbench:page"));
  };
  addEventListener("hashchange", show);
  show();
})();
