/* Says so when the kernel behind the explorer has gone: nothing on the screen answers any more, and
 * nothing else would tell. */

const ENDED = ["autorestarting", "restarting", "terminating", "dead"];

function render({ model, el }) {
  const kernel = model.widget_manager.kernel;
  if (!kernel) return; // a saved page without one
  el.classList.add("lrs-gone");
  el.setAttribute("role", "alert");
  let ended = false;
  const say = (text) => (el.textContent = text);
  const status = () => {
    ended ||= ENDED.includes(kernel.status);
    if (ended) {
      say(
        "The kernel has stopped: this page no longer responds. " +
          "Reload the page; in a notebook, run the cell again.",
      );
    }
  };
  const connection = () => {
    if (ended) return;
    const lost = kernel.connectionStatus !== "connected";
    say(lost ? "The kernel cannot be reached: the connection is lost. Trying again …" : "");
  };
  kernel.statusChanged.connect(status);
  kernel.connectionStatusChanged.connect(connection);
  return () => {
    kernel.statusChanged.disconnect(status);
    kernel.connectionStatusChanged.disconnect(connection);
  };
}

export default { render };
