// A photo of a pile, made small enough here. On a form that books it is sent once that is done, so a window that lapses
// leaves none behind; beside a booking that is made it is sent when it is chosen. A photo that is sent again is kept once.
const LONGEST_PX = 1280, LEAST_PX = 320, QUALITY = 0.7, MOST = 500_000; // of base64
const fresh = () => [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");

async function small(file) {
  const picture = await createImageBitmap(file);
  for (let longest = LONGEST_PX; longest >= LEAST_PX; longest /= 2) {
    const by = Math.min(1, longest / Math.max(picture.width, picture.height));
    const canvas = document.createElement("canvas");
    canvas.width = Math.max(1, Math.round(picture.width * by));
    canvas.height = Math.max(1, Math.round(picture.height * by));
    canvas.getContext("2d").drawImage(picture, 0, 0, canvas.width, canvas.height);
    const jpeg = canvas.toDataURL("image/jpeg", QUALITY).split(",")[1];
    if (jpeg.length <= MOST) return jpeg;
  }
  throw new RangeError("too large");
}

for (const input of document.querySelectorAll("input[data-photo]")) {
  const { form } = input, said = input.parentElement.querySelector("output");
  let key = fresh();

  /** Whether it was taken; what became of it is said. */
  async function send() {
    said.textContent = "…";
    const headers = { "Content-Type": "application/json", "Idempotency-Key": key, "Accept-Language": document.documentElement.lang };
    try {
      const body = JSON.stringify({ jpeg: await small(input.files[0]) });
      const answer = await fetch(input.dataset.photo, { method: "POST", headers, body });
      said.textContent = answer.ok ? input.dataset.sent : (await answer.json()).detail;
      return answer.ok;
    } catch {
      said.textContent = input.dataset.unsent;
      return false;
    }
  }

  input.addEventListener("change", () => {
    key = fresh();
    if (!form && input.files.length) send();
  });
  form?.addEventListener("submit", async (event) => {
    if (!input.files.length) return;
    event.preventDefault();
    const [button] = form.querySelectorAll("button");
    button.disabled = true;
    const asked = { method: "POST", body: new URLSearchParams(new FormData(form)), redirect: "manual" };
    const booked = await fetch(form.action, asked).catch(() => null);
    if (booked && booked.type !== "opaqueredirect") return void form.submit(); // it is refused: the page says why
    if (booked && await send()) return void location.assign("/bookings");
    if (!booked) said.textContent = input.dataset.unsent;
    button.disabled = false; // the form's own key and the photo's: pressed again, both are done once
  });
}
