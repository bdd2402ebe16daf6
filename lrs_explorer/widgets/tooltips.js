/* Names and tooltips where ipywidgets leaves them out: a number field gets no title at all, a
 * checkbox and its label one that is HTML. Both have a text beside them that carries the tooltip. */

const PAIRS = [
  [".lrs-field", ".lrs-label", "input, select"],
  [".widget-checkbox", "span span[title]", "input, label > span"],
];

function name(root) {
  for (const [group, label, control] of PAIRS) {
    for (const one of root.querySelectorAll(group)) {
      const text = one.querySelector(label);
      if (!text) continue;
      for (const part of one.querySelectorAll(control)) {
        if (part.title !== text.title) part.title = text.title;
        if (!part.ariaLabel && part.matches("input, select")) part.ariaLabel = text.textContent;
      }
    }
  }
  for (const box of root.querySelectorAll("input[title]:not([aria-label])"))
    box.ariaLabel = box.title.split(". ")[0]; // nothing stands beside it
  for (const icon of root.querySelectorAll(".widget-play button > i")) {
    const word = [...icon.classList].find((one) => one.startsWith("fa-"))?.slice(3);
    const tip = `${word}. Display only: no pipeline parameter.`;
    // Setting an equal title would be a change again, and bring us back here for ever.
    if (icon.parentNode.title !== tip) icon.parentNode.title = icon.parentNode.ariaLabel = tip;
  }
}

function render({ el }) {
  const root = () => el.closest(".lrs-explorer");
  let watch = null;
  let gone = false;
  const start = () => {
    if (gone) return;
    if (!root()) return requestAnimationFrame(start); // not in the page yet
    watch = new MutationObserver((changes) => {
      // Figures change with every move of the pointer, and have no controls.
      if (changes.some(({ target }) => !(target instanceof SVGElement))) name(root());
    });
    watch.observe(root(), { childList: true, subtree: true, attributeFilter: ["title"] });
    name(root());
  };
  start();
  return () => {
    gone = true;
    watch?.disconnect();
  };
}

export default { render };
