// The parts of a map on a page: what is drawn on, its buttons, and its foot.

export function build(container) {
  const made = (tag, attributes = {}, ...children) => {
    const part = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) part.setAttribute(name, value);
    part.append(...children);
    return part;
  };
  let style = document.querySelector('link[href="/static/map/map.css"]');
  if (!style) document.head.append((style = made("link", { rel: "stylesheet", href: "/static/map/map.css" })));
  const canvas = made("canvas", { "aria-hidden": "true" }), svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("aria-hidden", "true");
  const base = made("div", { class: "map-base", "aria-hidden": "true" });
  const layer = made("div", { class: "map-layer" }, base, canvas, svg);
  const part = made("div", { class: "map-part", tabindex: "0", role: "application", "data-testid": "map" }, layer);
  const button = (key, text) => made("button", { type: "button", "data-testid": `map-${key}` }, text);
  const buttons = { nearer: button("nearer", "+"), farther: button("farther", "−"), all: button("all", "⤢") };
  const north = made("span"), bar = made("span", { class: "map-bar", "data-testid": "map-bar" }), licence = made("span", { class: "map-licence", "data-testid": "map-licence" });
  const said = made("p", { class: "map-said", role: "status", "aria-live": "polite", "data-testid": "map-said" });
  container.classList.add("map-room");
  container.replaceChildren(part, made("div", { class: "map-buttons" }, ...Object.values(buttons)),
    made("div", { class: "map-foot" }, made("span", { class: "map-north" }, made("i"), north), bar, licence), said);
  return { part, layer, canvas, svg, base, buttons, north, bar, licence, said, style };
}
