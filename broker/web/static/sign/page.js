// A sign that is looked at keeps itself new: the server draws it, and here it is only fetched again. Without this script
// the page loads itself anew every half minute.

const AGAIN_MS = 15000, LOST_AFTER_S = 60;
let shownAt = performance.now();
const age = () => Number(document.getElementById("sign").dataset.age) + (performance.now() - shownAt) / 1000;

async function again() {
  const answer = await fetch(location.href, { headers: { Accept: "text/html" } }).catch(() => null);
  if (answer?.status === 404) return void location.reload(); // the code was withdrawn: what is to be done stands there
  if (!answer?.ok) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  document.getElementById("sign").replaceWith(page.getElementById("sign"));
  shownAt = performance.now();
  tick();
}

function tick() {
  const { lost, ago } = document.getElementById("sign").dataset, s = Math.round(age());
  document.getElementById("age").textContent = ago.replace("%", s);
  document.getElementById("lost").textContent = s > LOST_AFTER_S ? lost : "";
  document.getElementById("sign").classList.toggle("old", s > LOST_AFTER_S);
}

setInterval(again, AGAIN_MS);
setInterval(tick, 1000);
tick();
