// Deeds: what a person does at a page, as one POST with a key of its own, so that what the network lost is done once.

import { known, language, say } from "./words.js";

const AGAIN = 2, AGAIN_AFTER_MS = 500;
export const fresh = () => [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");

// {ok, status, answer, told}: `told` is why it was refused, in the reader's words where there are any.
export async function act(path, body = {}, { method = "POST", key = fresh() } = {}) {
  const headers = { "Content-Type": "application/json", "Idempotency-Key": key, "Accept-Language": language };
  const send = () => fetch(path, { method, headers, body: JSON.stringify(body) }).catch((why) => why);
  let answer = await send();
  for (let again = 0; again < AGAIN && !(answer instanceof Response); again += 1) {
    await new Promise((next) => setTimeout(next, AGAIN_AFTER_MS));
    answer = await send();
  }
  if (!(answer instanceof Response)) return { ok: false, status: null, answer: null, told: say("said_unreachable") };
  const found = await answer.json().catch(() => null);
  if (answer.ok) return { ok: true, status: answer.status, answer: found, told: "" };
  const detail = typeof found?.detail === "string" ? ` (${found.detail})` : "";
  return { ok: false, status: answer.status, answer: found, told: `${say(known(`said_${answer.status}`) ? `said_${answer.status}` : "said_other")}${detail}` };
}

// What a path answers, or null with what went wrong told to `refused`; who is not known any more signs in.
// A page that looks again and again waits no longer than `longest_ms`: what hangs is lost too.
export async function ask(path, refused = () => {}, longest_ms = 0) {
  const signal = longest_ms ? AbortSignal.timeout(longest_ms) : undefined;
  const answer = await fetch(path, { headers: { "Accept-Language": language }, signal }).catch(() => null);
  if (answer?.status === 401) return void location.assign(`/sign-in?next=${encodeURIComponent(location.pathname + location.search)}`);
  if (answer?.ok) return answer.json().catch(() => null);
  refused(answer ? (await answer.json().catch(() => ({}))).detail ?? String(answer.status) : say("said_unreachable"));
  return null;
}
