// What the page says, in two languages: the word files beside this one.

const KEPT = "panel-language";
const OTHER = { zh: "en", en: "zh" };
const words = {};
let language = localStorage.getItem(KEPT) ?? (navigator.language.startsWith("zh") ? "zh" : "en");

export async function readWords() {
  for (const name of Object.keys(OTHER)) words[name] = await (await fetch(`/static/${name}.json`)).json();
  document.documentElement.lang = language;
  document.title = say("title");
}

export function otherLanguage() {
  language = OTHER[language];
  localStorage.setItem(KEPT, language);
  document.documentElement.lang = language;
  document.title = say("title");
}

export const say = (key, gaps = {}) => (words[language][key] ?? key).replace(/{(\w+)}/g, (_, name) => named(String(gaps[name])));

// A plan's names are "中文 / English", or the same in both.
export const named = (name) => name.split(" / ")[language === "zh" ? 0 : 1] ?? name;

// A sentence that comes in both languages.
export const inWords = (sentence) => sentence[language];
