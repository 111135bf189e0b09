// What every page of modules has around it: title, ways to the other pages, who is signed in, language, and what was said.

import { html, render } from "/static/vendored/htm-preact-3.1.1.js";
import { language, named, say, speak } from "./words.js";
import { writeNames } from "./names.js";
import { me, meet } from "./visitor.js";

// Begins a page: its words, who is there, then `draw` whenever something may have changed. `rooms` as in words.js.
export async function begin(rooms, draw) {
  await Promise.all([meet(), speak(rooms)]);
  redraw = draw;
  wordRooms = rooms;
  draw();
}

let redraw = () => {}, wordRooms = [""];

async function turn() {
  await speak(wordRooms, language === "zh" ? "en" : "zh");
  redraw();
}

// The page around `children`: a title word, what is told at its foot, and a veil over what is old (`lost`: its sentence).
export function Page({ title, said = "", lost = "", calm = false, children }) {
  document.title = `${say(title)} · 站牌 Zhanpai`;
  const ways = me.ways.filter((way) => way.path !== location.pathname); // the server's one list of them
  return html`
    <header class="frame">
      <h1>${say(title)}</h1>
      ${calm ? null : html`<nav aria-label=${say("ways")}>${ways.map((way) => html`<a key=${way.path} href=${way.path}>${named(way.name)}</a>`)}</nav>`}
      <div class="who"><span data-testid="who">${me.kind === "account" ? `${named(me.name)} · ${me.roles.map((role) => say(`role_${role}`)).join(" · ")}` : say("not_signed_in")}</span>
        ${me.kind === "account" ? html`<form method="post" action="/sign-out"><button data-testid="sign-out">${say("sign_out")}</button></form>` : html`<a href="/sign-in">${say("sign_in")}</a>`}
        <button data-testid="language" onClick=${turn}>${say("other_language")}</button></div>
    </header>
    <main inert=${Boolean(lost)}>${children}</main>
    <p class="said" role="status" aria-live="polite" data-testid="said">${said}</p>
    ${lost ? html`<div class="veil" role="alert" data-testid="veil"><p>${lost}</p></div>` : null}`;
}

export function show(tree) {
  render(tree, document.body);
  writeNames(document);
}
