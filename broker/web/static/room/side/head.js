// The top of the room: area, ways to the other pages, who looks, sound, language, the clock; and the one line that says
// how the system itself is, which is always there so that nothing moves when it has to speak.

import { html } from "../../vendored/htm-preact-3.1.1.js";
import { named, say } from "../../frame/words.js";
import { silent, wanted } from "../../sound.js";

const roles = (one) => one.roles.map((role) => say(`role_${role}`)).join(" · ");
const bound = (one) => Object.values(one.scope).some((ids) => ids.length);

// Forms, not requests of the page's own: what comes after them is another page, and another person.
function Who({ me }) {
  const free = me.one_click.filter((one) => !bound(one) && one.account !== me.account), others = me.one_click.filter(bound);
  return html`<div class="who" id="who" data-testid="who"><span>${me.kind === "account" ? `${named(me.name)} · ${roles(me)}` : say("not_signed_in")}</span>
    ${me.kind === "account" ? html`<form method="post" action="/sign-out"><button data-testid="sign-out">${say("sign_out")}</button></form>` : me.one_click.length ? null : html`<a href="/sign-in">${say("sign_in")}</a>`}
    ${me.one_click.length ? html`<details class="others"><summary>${say("as_another")}</summary><div>${free.map((one) => html`<form key=${one.account} method="post" action="/sign-in/as"><input type="hidden" name="account" value=${one.account} /><button data-testid=${`as-${one.account}`}>${roles(one)}</button></form>`)}
      ${others.length ? html`<form method="post" action="/sign-in/as"><select name="account" data-testid="others" aria-label=${say("role_property")}>${others.map((one) => html`<option key=${one.account} value=${one.account}>${`${roles(one)} ${named(one.name)}`}</option>`)}</select><button data-testid="as-other">→</button></form>` : null}</div></details>` : null}</div>`;
}

export function Head({ picture, me, language, tools, turn, ring, calm, back }) {
  const report = me.pages.includes("/report/"), ways = me.ways.filter((way) => way.path !== location.pathname); // the server's one list of them
  return html`<header class="frame"><h1>${say("title")} <small id="area">${named(picture.area.name)}</small></h1>
    ${calm ? null : html`<nav aria-label=${say("ways")}>${report ? html`<a id="report" data-testid="report" href=${`/report/${tools.day(picture.at)}?language=${language}`}>${say("report")}</a>` : null}${ways.map((way) => html`<a key=${way.path} href=${way.path} data-testid=${way.path.slice(1)}>${named(way.name)}</a>`)}</nav>`}
    <div class="seat">${calm ? null : html`<${Who} me=${me} />`}
    <p class="tools">${back ? html`<button data-testid="look-back" onClick=${back}>${say("past_enter")}</button> ` : null}<button id="sound" data-testid="sound" aria-pressed=${wanted()} onClick=${ring}>${say(silent() ? "sound_waits" : wanted() ? "sound_on" : "sound_off")}</button> <button id="language" data-testid="language" onClick=${turn}>${say("other_language")}</button> <time id="clock">${tools.exact(picture.at)}</time></p></div></header>`;
}

export function State({ picture, tools, live }) {
  const health = picture.health ?? [], english = (why) => say("in_english", { why }), off = picture.plan?.state === "day_off"; // what was kept of earlier days may have neither
  const reason = (row) => say(row.word, { ...row.values, at: row.values.at && tools.moment(row.values.at) }) + (row.why ? ` (${english(row.why)})` : "");
  const { data } = picture, fresh = data.oldest_fix_at === null || picture.at - data.oldest_fix_at < 120;
  return html`<div class="state"><p id="link" role="alert" data-testid="link" class=${health.some((row) => row.level === "severe") || !health.length ? "" : "warning"} hidden=${!health.length}>${health.map(reason).join(" · ")}</p>
    <p id="old" role="alert" data-testid="old" hidden=${!picture.old_since_at}>${picture.old_since_at ? say("picture_old", { at: tools.moment(picture.old_since_at) }) : ""}</p>
    <p class="quiet"><span hidden=${health.length > 0 || Boolean(picture.old_since_at)}>${say(live ? "all_well" : "played_back")}</span>${" "}
      <span id="day-off" class="day-off" data-testid="day-off" hidden=${!off}>${off ? say("day_off", { next_day: picture.plan.next_day ?? say("none") }) : ""}</span>${" · "}<span id="sources" data-testid="sources"><span class=${fresh ? "" : "old"}>${`${say("oldest")}: `}<span data-since=${data.oldest_fix_at ?? ""}></span></span>${[`${say("refused")}: ${data.counts.refused ?? 0}`, data.unstored ? `${say("waiting")}: ${data.unstored}` : null,
        data.trouble ? `${say("trouble")} (${english(data.trouble)})` : null].filter(Boolean).map((text) => ` · ${text}`).join("")}</span></p></div>`;
}
