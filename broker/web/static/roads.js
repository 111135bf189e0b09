// What a truck on its round cannot do now: it is full, or a road is closed. Who may says so here.

const RUN = "POST /api/v1/runs/{run_id}/", CLOSE = "POST /api/v1/closures", OPEN = "POST /api/v1/closures/{closure_id}/end";
const HOURS = [0.5, 1, 2, 4, 8, 24, 72];

// Beside a run: since when its truck is full and until when it is at the station, and the one button that is next.
export function load(tools, run) {
  const { element, say, act, may, clock } = tools;
  const full = run.full_at !== null && run.full_at !== undefined, deed = full ? "emptied" : "full";
  const parts = full ? [`${say("truck_is_full")} ${clock(run.full_at).slice(0, 5)}${run.away_until ? ` · ${say("at_station_until")} ${clock(run.away_until).slice(0, 5)}` : ""} `] : [];
  if (run.active && may(RUN + deed, { truck: run.truck })) {
    const press = () => (full || confirm(say("ask_full"))) && act(`/api/v1/runs/${encodeURIComponent(run.run_id)}/${deed}`, {});
    parts.push(element("button", { "data-testid": `${deed}-${run.run_id}`, onclick: press }, say(`say_${deed}`)));
  }
  return parts;
}

// A closed road: which, until when, why; whoever may opens it again.
export function closureRow(tools, row) {
  const { element, say, sentence, act, may, moment, room } = tools;
  const where = sentence(row.other_room ? "closed_between" : "closed_way", { room: room(row.room), other: row.other_room && room(row.other_room) });
  return element("li", { "data-testid": `closure-${row.closure_id}` }, `${where} · ${say("until")} ${moment(row.until_at)}${row.reason ? ` · ${row.reason}` : ""} `,
    may(OPEN) ? element("button", { "data-testid": `open-${row.closure_id}`, onclick: () => act(`/api/v1/closures/${encodeURIComponent(row.closure_id)}/end`, {}) }, say("open_road")) : "");
}

// The form that closes one; it is made anew only when its words or rooms are others, so that what was chosen stays.
export function closing(tools, rooms) {
  const { element, say, act, may, now } = tools;
  if (!may(CLOSE)) return "";
  const option = ([value, label]) => element("option", { value }, label);
  const pick = (name, options) => element("label", {}, `${say(name)} `, element("select", { "data-testid": name }, ...options.map(option)));
  const part = element("details", { class: "closing", "data-testid": "close-road" }, element("summary", {}, say("close_road")),
    pick("closed_room", rooms), pick("closed_other", [["", say("closed_any")], ...rooms]),
    pick("closed_for", HOURS.map((hours) => [hours * 3600, hours < 1 ? `${hours * 60} ${say("minutes")}` : `${hours} ${say("hours")}`])),
    element("label", {}, `${say("closed_why")} `, element("input", { maxlength: "200", "data-testid": "closed_why" })));
  part.append(element("button", { class: "main", "data-testid": "closed_send", onclick: async () => {
    const [room, other, seconds] = [...part.querySelectorAll("select")].map((select) => select.value), reason = part.querySelector("input").value.trim();
    const done = await act("/api/v1/closures", { room, other_room: other || null, until_at: now() + Number(seconds), reason: reason || null });
    if (done) part.open = false;
  } }, say("close_road")));
  return part;
}
