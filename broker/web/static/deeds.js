// A form that is a deed of the API (data-deed is its path): sent as JSON with a key of its own, so that what the network
// lost is sent again and done once. What was typed anew is another deed. data-times: a number in another unit.
const fresh = () => [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");

function body(form) {
  const fields = {};
  for (const part of form.elements) {
    if (!part.name || part.value === "") continue;
    fields[part.name] = part.dataset.times ? Math.round(Number(part.value) * Number(part.dataset.times)) : part.value;
  }
  return JSON.stringify(fields);
}

for (const form of document.querySelectorAll("form[data-deed]")) {
  let key = fresh();
  const said = form.querySelector("[role=alert]");
  form.addEventListener("input", () => (key = fresh()));
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const button = form.querySelector("button");
    button.disabled = true;
    const headers = { "Content-Type": "application/json", "Idempotency-Key": key, "Accept-Language": document.documentElement.lang };
    const answer = await fetch(form.dataset.deed, { method: "POST", headers, body: body(form) }).catch(() => null);
    if (answer?.ok) return void location.reload();
    button.disabled = false;
    said.textContent = answer ? (await answer.json().catch(() => ({}))).detail ?? answer.status : form.dataset.unreachable;
    said.hidden = false;
  });
}
