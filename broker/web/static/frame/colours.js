// The style sheet's colours for what is painted on a canvas, and when it has to be painted again.

export function colourOf(box, name) {
  box.style.color = `var(--${name})`;
  const found = getComputedStyle(box).color;
  box.style.color = "";
  return found;
}

// `paint` after another width, another scheme, and for paper, which is light.
export function repainted(paint) {
  const paper = (is) => { document.documentElement.style.colorScheme = is ? "light" : ""; paint(); };
  addEventListener("resize", paint);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", paint);
  addEventListener("beforeprint", () => paper(true));
  addEventListener("afterprint", () => paper(false));
}
