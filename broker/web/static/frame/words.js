// Words of a page in the reader's language: first what was chosen here, then what the browser asks for. Words come first,
// then the switch, so that two languages are never on one page.

const COOKIE = "zhanpai_lang"; // in which the pages of templates keep what was chosen, too

let words = {};
export let language = document.cookie.match(`(?:^|; )${COOKIE}=(zh|en)`)?.[1] ?? localStorage.getItem("language");

// The words of the named rooms of /static ("" is what all pages share), later ones first.
export async function speak(rooms, next) {
  const wanted = next ?? language ?? (navigator.language?.toLowerCase().startsWith("en") ? "en" : "zh");
  const read = await Promise.all(rooms.map(async (room) => (await fetch(`/static/${room ? `${room}/` : ""}${wanted}.json`)).json()));
  words = Object.assign({}, ...read);
  language = wanted;
  if (next) {
    localStorage.setItem("language", next); // what was chosen, not what was begun with
    document.cookie = `${COOKIE}=${next}; Path=/; SameSite=Strict`;
  }
  document.documentElement.lang = wanted;
}

export const known = (key) => key in words;

// The sentence of a key, its {gaps} filled; an unknown key is shown as it is.
export const say = (key, values = {}) => (words[key] ?? key).replace(/{(\w+)}/g, (gap, name) => (name in values ? named(String(values[name])) : gap));

// A plan's and a person's names are "中文 / English", or the same in both.
export const named = (name) => (name ? name.split(" / ")[language === "zh" ? 0 : 1] ?? name : name);

// Moments in the area's own time zone.
export function clocks(timezone) {
  const format = (locale, options) => new Intl.DateTimeFormat(locale, { timeZone: timezone, ...options });
  const time = format("en-GB", { hour: "2-digit", minute: "2-digit" }), exact = format("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" }), day = format("en-CA", {});
  const of = (formatter) => (at) => (at === null || at === undefined ? say("none") : formatter.format(new Date(at * 1000)));
  return { time: of(time), exact: of(exact), day: of(day) };
}

export const age = (s) => (s === null || s === undefined ? say("none") : s < 120 ? `${s} ${say("seconds")}` : `${Math.round(s / 60)} ${say("minutes")}`);
