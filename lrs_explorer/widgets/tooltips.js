/* Names and tooltips where ipywidgets leaves them out: a number field gets no title at all, a
 * checkbox one that is its label's HTML. Both have a text beside them that carries the tooltip. */

const PAIRS = [
  [".lrs-field", ".lrs-label", "input, select"],
  [".widget-checkbox", "span[title]", "input"],
];

function name(root) {
  for (const [group, label, control] of PAIRS) {
    for (const one of root.querySelectorAll(group)) {
      const [text, input] = [one.querySelector(label), one.querySelector(control)];
      if (!text || !input) continue;
      if (input.title !== text.title) input.title = text.title;
      if (!input.ariaLabel) input.ariaLabel = text.textContent;
    }
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
