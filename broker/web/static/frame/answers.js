// What may be said of an addressee's row of an incident, and until when: without a page, so that every page asks here.

export const ANSWER = "POST /api/v1/incidents/{incident_id}/answers/{addressee}/";
export const MINUTES = [5, 10, 15, 20, 30, 45, 60, 90, 120];
const SAYS = { // by state, in the order of the buttons
  told: ["seen", "promise", "done", "refuse"], seen: ["promise", "done", "refuse"],
  promised: ["done", "promise", "refuse"], late: ["done", "promise", "refuse"],
};

// What a row belongs to, as rights go by it: a firm, an estate, or nobody in particular.
export const place = (incident, row) => (row.addressee === "contractor" ? { contractor: row.party } : row.addressee === "dispatcher" ? {} : { estate: incident.estate });

// What may be said of a row now, by whom `may` tells; the dispatcher's own answers are the incident's buttons.
export function says(may, incident, row) {
  if (row.ended_at !== null || !(row.state in SAYS)) return [];
  const said = row.addressee !== "dispatcher" ? SAYS[row.state] : row.state === "told" && incident.workflow === "in_progress" ? ["seen"] : [];
  const sets_out = row.addressee === "contractor" && row.on_the_way_at === null && ["seen", "promised", "late"].includes(row.state);
  return [...said, ...(sets_out ? ["on-the-way"] : [])].filter((deed) => may(ANSWER + deed, place(incident, row)));
}

// Whether a row waits unseen for whoever looks: what is theirs alone, not what a dispatcher could answer for others too.
export const waits = (may, deeds, incident, row) =>
  row.ended_at === null && row.state === "told" &&
  (row.addressee === "dispatcher" ? may("POST /api/v1/incidents/{incident_id}/acknowledge", incident) : Boolean(deeds[`${ANSWER}seen`]) && may(`${ANSWER}seen`, place(incident, row)));

// The whole minute that is so many minutes from now, and the next time that a clock of the area shows HH:MM.
export const inMinutes = (now, minutes) => Math.ceil((now + minutes * 60) / 60) * 60;
export function nextAt(now, clock, timezone) {
  const shown = new Intl.DateTimeFormat("en-GB", { timeZone: timezone, hour: "2-digit", minute: "2-digit" }).format(new Date(now * 1000));
  const minute = (text) => Number(text.slice(0, 2)) * 60 + Number(text.slice(3, 5)), day = 24 * 60;
  return Math.floor(now / 60) * 60 + ((minute(clock) - minute(shown) + day) % day || day) * 60;
}
