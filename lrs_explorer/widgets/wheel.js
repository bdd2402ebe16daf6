/* The wheel scrolls the page. It zooms with Ctrl or ⌘, or in a figure that was clicked. */

const ZOOMS = "lrs-zooms";

function render({ el }) {
  const off = new AbortController();
  const listen = (node, name, handler, options = {}) =>
    node.addEventListener(name, handler, { signal: off.signal, ...options });

  const start = () => {
    if (off.signal.aborted) return;
    const root = el.closest(".lrs-explorer");
    if (!root) return requestAnimationFrame(start); // not in the page yet
    const choose = (figure) => {
      for (const one of root.querySelectorAll(`.${ZOOMS}`)) one.classList.remove(ZOOMS);
      figure?.classList.add(ZOOMS);
    };
    const figureOf = (node) => node.closest?.(".bqplot");
    listen(document, "pointerdown", ({ target }) => choose(root.contains(target) ? figureOf(target) : null), {
      capture: true,
    });
    listen(document, "keydown", ({ key }) => key === "Escape" && choose(null));
    listen(
      root,
      "wheel",
      (event) => {
        const figure = figureOf(event.target);
        if (!figure) return;
        if (event.ctrlKey || event.metaKey || figure.classList.contains(ZOOMS))
          event.preventDefault(); // else the browser zooms the page, or scrolls it
        else event.stopPropagation(); // before bqplot hears of it
      },
      { capture: true, passive: false },
    );
  };
  start();
  return () => off.abort();
}

export default { render };
