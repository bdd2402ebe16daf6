/* Draggable bands, a hover cursor and marker lines inside a bqplot figure.
 *
 * Everything is drawn in the figure's own SVG, above its interaction layer, and placed by the
 * figure's scale models: it follows zoom and pan with no round trip to the kernel. Positions that
 * leave this file are data coordinates.
 *
 * Who knows where the bands are: the browser writes `gesture`, the kernel writes `shown`, and
 * whichever came later holds. `gesture.n` counts the browser's changes and `shown.after` names the
 * last one that the kernel had seen, so a late answer never pulls a band back under the pointer.
 * ipywidgets keeps one message in flight and merges the rest; counters survive that, events would
 * not.
 */

const HANDLE = 5; // reach of an edge handle to either side, screen pixels
const THINNEST = 0.1; // least width of a band, data units
const KEYS = { ArrowUp: 1, ArrowDown: -1 };

const clamp = (value, low, high) => Math.max(low, Math.min(high, value));
const rounded = (value, decimals) => Number(value.toFixed(decimals));

function svg(name, parent, attributes = {}) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  parent.append(node);
  return node;
}

/** Both directions between data and plot pixels, for a linear or a log scale model. */
function axis(scale, start, end) {
  const [forward, back] = scale.type === "log" ? [Math.log, Math.exp] : [Number, Number];
  const [first, last] = scale.domain.map(forward);
  return {
    pixel: (value) => start + ((forward(value) - first) / (last - first)) * (end - start),
    data: (pixel) => back(first + ((pixel - start) / (end - start)) * (last - first)),
  };
}

/** The band after its body or one edge moved by `delta`, kept within `limits`. */
function moved(band, part, delta, limits) {
  const [low, high] = limits;
  let { lower, upper } = band;
  if (part === "body") {
    const step = clamp(delta, Math.min(0, low - lower), Math.max(0, high - upper));
    [lower, upper] = [lower + step, upper + step];
  } else if (part === "lower") {
    lower = clamp(lower + delta, Math.min(low, lower), upper - THINNEST);
  } else if (part === "upper") {
    upper = clamp(upper + delta, lower + THINNEST, Math.max(high, upper));
  } else {
    const step = Math.max(delta, (THINNEST - (upper - lower)) / 2);
    lower = Math.max(lower - step, Math.min(low, lower));
    upper = Math.min(upper + step, Math.max(high, upper));
  }
  return { ...band, lower: rounded(lower, 6), upper: rounded(upper, 6) };
}

/** The plot area of the figure that shares this view's box, once bqplot has drawn it. */
function plotArea(el, signal) {
  return new Promise((resolve) => {
    // bqplot says nowhere when a view is ready; a hidden page asks for no frames.
    const look = () => {
      const area = el.closest(".lrs-plot")?.querySelector(".plotarea_events");
      if (signal.aborted) return;
      if (area?.getAttribute("width")) resolve(area);
      else requestAnimationFrame(look);
    };
    look();
  });
}

async function attach(model, el, signal) {
  const scaleModel = (name) =>
    model.widget_manager.get_model(model.get(name).slice("IPY_MODEL_".length));
  const [xScale, yScale] = await Promise.all(["x_scale", "y_scale"].map(scaleModel));
  const area = await plotArea(el, signal);
  if (signal.aborted) return;

  const figure = area.ownerSVGElement;
  const root = svg("svg", area.parentNode, { class: "lrs-overlay" }); // clips what leaves the plot
  const layers = {}; // the last on top
  for (const kind of ["background", "columns", "aperture"]) layers[kind] = svg("g", root);
  const lines = {
    x: svg("line", root, { class: "lrs-marker" }),
    y: svg("line", root, { class: "lrs-marker" }),
  };
  const drawn = new Map(); // band id -> its SVG nodes
  let grabbed = null; // the drag under way
  let nudged = false; // an arrow key is down
  let pressed = null; // where the pointer went down
  let brush = null; // the range of x that is being chosen

  const size = () => [area.width.baseVal.value, area.height.baseVal.value];
  const xAxis = () => axis(xScale, 0, size()[0]);
  const yAxis = () => axis(yScale, size()[1], 0);

  /** Data coordinates of a pointer event; null outside the plot area. */
  function position(event) {
    const box = area.getBoundingClientRect();
    const [width, height] = size();
    const x = ((event.clientX - box.left) / box.width) * width;
    const y = ((event.clientY - box.top) / box.height) * height;
    const inside = x >= 0 && x <= width && y >= 0 && y <= height;
    return { x: xAxis().data(x), y: yAxis().data(y), inside };
  }

  // -- state ---------------------------------------------------------------------------------

  function bands() {
    const [gesture, shown] = [model.get("gesture"), model.get("shown")];
    return gesture.n > shown.after ? gesture.bands : shown.bands;
  }

  function push(band, released) {
    const { n, releases } = model.get("gesture");
    model.set("gesture", {
      n: n + 1,
      bands: bands().map((other) => (other.id === band?.id ? band : other)),
      releases: releases + (released ? 1 : 0),
    });
    model.save_changes();
  }

  function report(name, event) {
    const { x, y, inside } = position(event);
    if (!inside) return;
    model.set(name, { x, y, n: (model.get(name).n ?? 0) + 1 });
    model.save_changes();
  }

  function setCursor(cursor) {
    const { x, y } = model.get("cursor");
    if (cursor.x === x && cursor.y === y) return;
    model.set("cursor", cursor);
    model.save_changes();
  }

  const limitsOf = (band) => band.limits ?? model.get("limits");

  // -- drawing -------------------------------------------------------------------------------

  function create(band) {
    const label = band.label || band.kind;
    const group = svg("g", layers[band.kind], {
      class: `lrs-band lrs-${band.kind}`,
      tabindex: 0,
      role: "slider",
      "aria-orientation": "vertical",
      "aria-label": label,
      "data-band": band.id,
      "data-lm-suppress-shortcuts": true, // arrow keys are ours, not JupyterLab's
    });
    svg("title", group).textContent =
      `${label}: drag to move, drag an edge to resize. ` +
      "Arrow keys move it by 0.1 pixel (Shift: 1 pixel), with Alt they change its width.";
    const nodes = { group };
    nodes.body = svg("path", group, { class: "lrs-body", "data-part": "body" });
    for (const edge of ["lower", "upper"]) {
      nodes[`${edge}Halo`] = svg("path", group, { class: "lrs-halo" });
      nodes[edge] = svg("path", group, { class: "lrs-edge" });
      nodes[`${edge}Handle`] = svg("path", group, { class: "lrs-handle", "data-part": edge });
    }
    drawn.set(band.id, nodes);
    return nodes;
  }

  function place(band) {
    const nodes = drawn.get(band.id) ?? create(band);
    const [xs, ys] = [xAxis(), yAxis()];
    const curve = band.kind === "aperture" ? model.get("curve") : [];
    const along = curve.length
      ? curve.map(([x, offset]) => [xs.pixel(x), offset])
      : [[0, 0], [size()[0], 0]];
    const side = (edge, shift = 0) =>
      along.map(([x, offset]) => `${x},${ys.pixel(band[edge] + offset) + shift}`);
    const shape = (first, second) => `M${first.join("L")}L${second.reverse().join("L")}Z`;
    const thickness = ys.pixel(band.lower) - ys.pixel(band.upper);
    const inward = Math.min(HANDLE, thickness / 4); // leaves half of a thin band to its body
    nodes.body.setAttribute("d", shape(side("lower"), side("upper")));
    for (const [edge, up, down] of [["lower", inward, HANDLE], ["upper", HANDLE, inward]]) {
      const line = `M${side(edge).join("L")}`;
      nodes[edge].setAttribute("d", line);
      nodes[`${edge}Halo`].setAttribute("d", line);
      nodes[`${edge}Handle`].setAttribute("d", shape(side(edge, -up), side(edge, down)));
    }
    const center = rounded((band.lower + band.upper) / 2, 3);
    nodes.group.setAttribute("aria-valuenow", center);
    nodes.group.setAttribute("aria-valuemin", limitsOf(band)[0]);
    nodes.group.setAttribute("aria-valuemax", limitsOf(band)[1]);
    nodes.group.setAttribute(
      "aria-valuetext",
      `center ${center}, width ${rounded(band.upper - band.lower, 3)} pixels`,
    );
  }

  function draw() {
    const [width, height] = size();
    root.setAttribute("width", width);
    root.setAttribute("height", height);
    // What is under the pointer stays there, whatever the kernel makes of it, until it is let go.
    const current = bands().map((one) => (one.id === grabbed?.now?.id ? grabbed.now : one));
    const known = new Set(current.map((band) => band.id));
    for (const [id, nodes] of drawn) {
      if (known.has(id)) continue;
      if (grabbed?.band.id === id) grabbed = null;
      nodes.group.remove();
      drawn.delete(id);
    }
    current.forEach(place);
    const marker = model.get("marker");
    const ends = {
      x: (p) => ({ x1: p, x2: p, y1: 0, y2: height }),
      y: (p) => ({ x1: 0, x2: width, y1: p, y2: p }),
    };
    for (const [name, line] of Object.entries(lines)) {
      const shown = model.get("marker_axes").includes(name) && Number.isFinite(marker[name]);
      line.style.display = shown ? "" : "none";
      if (!shown) continue;
      const p = (name === "x" ? xAxis() : yAxis()).pixel(marker[name]);
      for (const [key, value] of Object.entries(ends[name](p))) line.setAttribute(key, value);
    }
  }

  // -- pointer and keyboard ------------------------------------------------------------------

  function grab(event) {
    const part = event.target.dataset.part;
    if (!part || event.button !== 0) return;
    const group = event.target.parentNode;
    const band = bands().find((one) => one.id === group.dataset.band);
    grabbed = { part, band, from: position(event).y, target: event.target, moved: false };
    event.target.setPointerCapture(event.pointerId);
    group.focus({ preventScroll: true });
  }

  function drag(event) {
    const delta = rounded(position(event).y - grabbed.from, 3);
    if (!delta && !grabbed.moved) return;
    grabbed.moved = true;
    grabbed.now = moved(grabbed.band, grabbed.part, delta, limitsOf(grabbed.band));
    push(grabbed.now, false);
  }

  function release() {
    const held = grabbed;
    grabbed = null; // first: what is drawn next is what holds from now on
    // Where it is let go, even if the kernel has shown something else in between.
    if (held?.moved) push(held.now, true);
  }

  function nudge(event) {
    const direction = KEYS[event.key];
    const group = event.target.closest?.("[data-band]");
    if (!direction || !group || grabbed || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    event.stopPropagation();
    const band = bands().find((one) => one.id === group.dataset.band);
    const step = direction * (event.shiftKey ? 1 : 0.1);
    nudged = true;
    // Both edges move when the width changes: the center stays.
    push(
      event.altKey
        ? moved(band, "width", step / 2, limitsOf(band))
        : moved(band, "body", step, limitsOf(band)),
      false,
    );
  }

  function endNudge(event) {
    if (!nudged || (event.type === "keyup" && !KEYS[event.key])) return;
    nudged = false;
    push(null, true);
  }

  /** With Shift held, a drag chooses a range instead of moving the plot. */
  function startBrush(event) {
    const at = position(event);
    if (!model.get("brushes") || !event.shiftKey || event.button !== 0 || !at.inside) return;
    brush = { from: at.x, to: at.x, node: svg("rect", root, { class: "lrs-brush", y: 0 }) };
    figure.setPointerCapture(event.pointerId);
  }

  function paintBrush(event) {
    const [low, high] = xScale.domain;
    brush.to = clamp(position(event).x, Math.min(low, high), Math.max(low, high));
    const ends = [brush.from, brush.to].map(xAxis().pixel);
    brush.node.setAttribute("x", Math.min(...ends));
    brush.node.setAttribute("width", Math.abs(ends[0] - ends[1]));
    brush.node.setAttribute("height", size()[1]);
  }

  function endBrush() {
    if (!brush) return;
    const { from, to, node } = brush;
    node.remove();
    brush = null;
    if (Math.abs(xAxis().pixel(from) - xAxis().pixel(to)) < 3) return;
    const [low, high] = [Math.min(from, to), Math.max(from, to)];
    model.set("brushed", { low, high, n: (model.get("brushed").n ?? 0) + 1 });
    model.save_changes();
  }

  /** Keep what belongs to the brush from the figure's own interaction. */
  function shield(event) {
    if (!brush) return;
    event.preventDefault();
    event.stopPropagation();
  }

  /** Hand a wheel event on a band to what lies under it, so that zooming works everywhere. */
  function passOn(event) {
    const below = document
      .elementsFromPoint(event.clientX, event.clientY)
      .find((node) => figure.contains(node) && !root.contains(node));
    event.preventDefault();
    event.stopPropagation();
    below?.dispatchEvent(new WheelEvent(event.type, event));
  }

  const listen = (node, names, handler, options = {}) => {
    for (const name of names) node.addEventListener(name, handler, { signal, ...options });
  };
  listen(root, ["pointerdown"], grab);
  listen(root, ["lostpointercapture"], release);
  listen(root, ["keydown"], nudge);
  listen(root, ["keyup", "focusout"], endNudge);
  listen(root, ["wheel"], passOn, { passive: false });
  listen(figure, ["pointermove"], (event) => {
    if (grabbed) return drag(event);
    if (brush) return paintBrush(event);
    const { x, y, inside } = position(event);
    setCursor(inside ? { x, y } : {});
  });
  listen(figure, ["pointerleave"], () => grabbed || setCursor({}));
  listen(figure, ["pointerdown"], (event) => (pressed = event), { capture: true });
  listen(figure, ["pointerdown"], startBrush, { capture: true });
  listen(figure, ["pointerup", "pointercancel"], endBrush);
  listen(figure, ["pointerdown", "mousedown"], shield, { capture: true });
  listen(figure, ["click"], (event) => {
    // The end of a drag is no click, the second click of a pair belongs to the double click.
    const way = Math.hypot(event.clientX - pressed?.clientX, event.clientY - pressed?.clientY);
    if (event.detail < 2 && way < 3) report("clicked", event);
  });
  listen(figure, ["dblclick"], (event) => report("double_clicked", event));

  // -- following -----------------------------------------------------------------------------

  const followed = "gesture shown curve limits marker marker_axes"
    .split(" ")
    .map((name) => `change:${name}`)
    .join(" ");
  model.on(followed, draw);
  for (const scale of [xScale, yScale]) scale.on("domain_changed", draw);
  const resized = new MutationObserver(draw);
  resized.observe(area, { attributeFilter: ["width", "height"] });
  signal.addEventListener("abort", () => {
    model.off(followed, draw);
    for (const scale of [xScale, yScale]) scale.off("domain_changed", draw);
    resized.disconnect();
    root.remove();
  });
  draw();
  // After the frame that shows it.
  requestAnimationFrame(() => {
    model.set("drawn", model.get("drawn") + 1);
    model.save_changes();
  });
}

function render({ model, el }) {
  const controller = new AbortController();
  attach(model, el, controller.signal);
  return () => controller.abort();
}

export default { render };
