// A push button under a finger: mouse, touch, space bar or Enter hold it for as long as they do.

import { html, useEffect, useRef } from "/static/vendored/htm-preact-3.1.1.js";

const KEYS = [" ", "Enter"];

export function Push({ label, pressed, press, testid, children, kind = "" }) {
  const element = useRef(null);
  const down = useRef(false);
  const latest = useRef(press);
  latest.current = press;

  function finger(comes) {
    if (down.current === comes) return;
    down.current = comes;
    element.current?.style.setProperty("--held-s", "0");
    if (comes) watch(performance.now());
    latest.current(comes);
  }
  function watch(since) {
    if (!down.current || !element.current) return;
    element.current.style.setProperty("--held-s", String((performance.now() - since) / 1000));
    requestAnimationFrame(() => watch(since));
  }
  useEffect(() => {
    const away = () => finger(false);
    window.addEventListener("blur", away);
    window.addEventListener("pagehide", away);
    return () => {
      away();
      window.removeEventListener("blur", away);
      window.removeEventListener("pagehide", away);
    };
  }, []);
  return html`<button ref=${element} type="button" class=${`push ${kind}`} data-testid=${testid} aria-label=${label} aria-pressed=${String(pressed)}
    onpointerdown=${(event) => { if (event.button === 0) { event.currentTarget.setPointerCapture(event.pointerId); event.currentTarget.focus(); finger(true); } }}
    onpointerup=${() => finger(false)} onpointercancel=${() => finger(false)} onlostpointercapture=${() => finger(false)}
    oncontextmenu=${(event) => event.preventDefault()} onblur=${() => finger(false)}
    onkeydown=${(event) => { if (KEYS.includes(event.key)) { event.preventDefault(); if (!event.repeat) finger(true); } }}
    onkeyup=${(event) => { if (KEYS.includes(event.key)) { event.preventDefault(); finger(false); } }}>${children}</button>`;
}
