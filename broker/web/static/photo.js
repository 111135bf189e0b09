// A photo of a pile, made small enough here and sent beside the form as soon as it is chosen; no form waits for it.
const LONGEST_PX = 1280, LEAST_PX = 320, QUALITY = 0.7, MOST = 500_000; // of base64

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
  const said = input.parentElement.querySelector("output");
  input.addEventListener("change", async () => {
    if (!input.files.length) return;
    said.textContent = "…";
    const headers = { "Content-Type": "application/json", "Accept-Language": document.documentElement.lang };
    try {
      const body = JSON.stringify({ jpeg: await small(input.files[0]) });
      const answer = await fetch(input.dataset.photo, { method: "POST", headers, body });
      said.textContent = answer.ok ? input.dataset.sent : (await answer.json()).detail;
    } catch {
      said.textContent = input.dataset.unsent;
    }
  });
}
