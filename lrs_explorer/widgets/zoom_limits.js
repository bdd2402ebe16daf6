/* Keeps a scale within its limits, whoever zooms or pans. */

async function initialize({ model }) {
  const scale = await model.widget_manager.get_model(
    model.get("scale").slice("IPY_MODEL_".length),
  );
  let waiting = false;
  const keep = () => {
    waiting = false;
    const [low, high] = [model.get("low"), model.get("high")];
    const [min, max] = [scale.get("min"), scale.get("max")];
    if ([low, high, min, max].some((one) => !Number.isFinite(one))) return;
    const width = Math.min(Math.max(max - min, model.get("least")), high - low);
    const first = Math.max(low, Math.min(min, high - width));
    if (first === min && first + width === max) return;
    // Rounding alone is no reason to send anything.
    const off = Math.max(Math.abs(first - min), Math.abs(first + width - max));
    if (off < 1e-9 * (high - low)) return;
    scale.set({ min: first, max: first + width });
    scale.save_changes();
  };
  // Both ends are set one after the other: look when both are.
  const changed = () => {
    if (waiting) return;
    waiting = true;
    queueMicrotask(keep);
  };
  scale.on("change:min change:max", changed);
  return () => scale.off("change:min change:max", changed);
}

export default { initialize };
