// Without a network the page opens from what was kept: its files and words, and who is signed in. With one the network
// is asked first, so that nothing old is shown as new; the picture is kept by the page itself.

const KEPT = "zhanpai-cab-1", SLOW_MS = 3_000, REST_MS = 30_000;
const ME = "/api/v1/people/me";
let slow_until = 0;

self.addEventListener("install", () => self.skipWaiting());

self.addEventListener("activate", (event) => event.waitUntil((async () => {
  for (const name of await caches.keys()) if (name.startsWith("zhanpai-cab-") && name !== KEPT) await caches.delete(name);
  await self.clients.claim();
})()));

// The page says of which files it was made.
self.addEventListener("message", (event) => event.waitUntil((async () => {
  const cache = await caches.open(KEPT);
  await Promise.all(event.data.keep.map(async (path) => {
    const answer = await fetch(path).catch(() => null);
    if (is_whole(answer)) await cache.put(path, answer);
  }));
  event.source?.postMessage("kept");
})()));

const is_whole = (answer) => answer?.ok && !answer.redirected;

self.addEventListener("fetch", (event) => {
  const { request } = event, { origin, pathname } = new URL(request.url);
  const ours = pathname === "/cab" || pathname.startsWith("/static/") || pathname === ME;
  if (request.method === "GET" && origin === self.location.origin && ours) event.respondWith(answer_to(request, pathname));
});

// The network's answer within three seconds, else what was kept; for half a minute after that nobody waits so long again.
async function answer_to(request, path) {
  const cache = await caches.open(KEPT), asked = from_network(request, path, cache);
  asked.catch(() => {}); // told by what is answered in its place
  if (Date.now() < slow_until) return (await cache.match(path)) ?? asked;
  const late = new Promise((then) => setTimeout(then, SLOW_MS, "late"));
  const first = await Promise.race([asked.catch(() => "away"), late]);
  if (first === "late") slow_until = Date.now() + REST_MS;
  return typeof first === "string" || first.status >= 500 ? (await cache.match(path)) ?? asked : first;
}

async function from_network(request, path, cache) {
  const answer = await fetch(request);
  if (Date.now() < slow_until) slow_until = 0;
  if (is_whole(answer)) await cache.put(path, answer.clone());
  if (answer.status === 401 && path === ME) await cache.delete(path); // another person's, maybe
  return answer;
}
