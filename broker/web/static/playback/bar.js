// What says that this is the past, and the hand on it: day, timeline, play, speed, step, back to now.

import { html } from "../vendored/htm-preact-3.1.1.js";
import { say } from "../frame/words.js";
import { SPEEDS, stepOf } from "./past.js";
import { Beside } from "./beside.js";

const percent = (day, at) => `${(100 * Math.min(Math.max(at - day.from_at, 0), day.until_at - day.from_at)) / (day.until_at - day.from_at)}%`;
const span = (day, from, until) => ({ left: percent(day, from), right: `calc(100% - ${percent(day, until)})` });
const first = (day) => day.stretches[0].from_at;

// The same hour of another day where that was kept, else where that day begins.
function sameHour(days, at, to) {
  const here = days.find((day) => day.from_at <= at && at <= day.until_at), wanted = here ? to.from_at + Math.floor(at - here.from_at) : first(to);
  return to.stretches.some((one) => one.from_at <= wanted && wanted <= one.until_at) ? wanted : first(to);
}

function Timeline({ day, state, hand, tools }) {
  const hours = Array.from({ length: 9 }, (_, i) => day.from_at + (i * (day.until_at + 1 - day.from_at)) / 8);
  const presses = Object.entries(state.truth?.incidents ?? {}).filter(([, row]) => row.raised_at >= day.from_at && row.raised_at <= day.until_at);
  return html`<div class="timeline"><div class="ground" aria-hidden="true">
      ${day.stretches.map((one) => html`<span key=${one.from_at} class="kept" style=${span(day, one.from_at, one.until_at)}></span>`)}
      ${day.gaps.map((one) => html`<span key=${one.from_at} class="gap" style=${span(day, one.from_at, one.until_at)}></span>`)}
      ${presses.map(([key, row]) => html`<span key=${key} class="press" style=${{ left: percent(day, row.raised_at) }} title=${`${tools.clock(row.raised_at)} ${row.truck} ${say(row.reason)}`}>▲</span>`)}
      ${hours.map((at, i) => html`<span key=${i} class="hour" style=${{ left: percent(day, at) }}>${i < 8 ? tools.clock(at) : ""}</span>`)}</div>
    <input type="range" data-testid="timeline" aria-label=${say("past_timeline")} aria-valuetext=${tools.exact(state.at)} min=${day.from_at} max=${day.until_at} step=${stepOf(state.speed)} value=${Math.floor(state.at)} onInput=${(event) => hand.seek(Number(event.target.value))} />
    <p class="unseen-text">${[...day.gaps.map((one) => say("past_gap", { from: tools.exact(one.from_at), until: tools.exact(one.until_at) })), ...presses.map(([, row]) => `${tools.clock(row.raised_at)} ${row.truck} ${say(row.reason)}`)].join(" ")}</p></div>`;
}

// Presses of the day as places to go to: the one before and the one after.
function Presses({ state, hand, tools }) {
  const raised = Object.values(state.truth?.incidents ?? {}).map((row) => row.raised_at).sort((a, b) => a - b);
  const before = raised.filter((at) => at < Math.floor(state.at)).at(-1), after = raised.find((at) => at > state.at);
  const to = (at, word, test, sign) => html`<button data-testid=${test} disabled=${at === undefined} title=${at === undefined ? undefined : tools.exact(at)} onClick=${() => hand.seek(at)}>${sign} ${say(word)}</button>`;
  return html`${to(before, "past_press_before", "past-press-before", "▲◂")}${to(after, "past_press_after", "past-press-after", "▸▲")}`;
}

const SKIPPED_S = 5; // of watching

function word({ waiting, gap, lost, skipped, at, speed }, tools) {
  if (skipped && Math.floor(at) >= skipped.to && at < skipped.to + SKIPPED_S * speed) gap ??= skipped;
  if (gap) return say("past_gap", { from: tools.moment(gap.from_at), until: tools.moment(gap.until_at) });
  return lost ? say("past_lost") : waiting ? say("past_waiting") : "";
}

// `past` as in past.js; null while the page shows what is so now.
export function Bar({ past, picture, tools }) {
  const { state, hand } = past;
  if (state === null) return null;
  const day = state.days?.find((one) => one.from_at <= state.at && state.at <= one.until_at), at_end = state.end_at !== null && state.at >= state.end_at;
  return html`<section class="past-bar" aria-label=${say("past_bar")} data-testid="past-bar">
    <p class="past-banner" data-testid="past-banner"><span class="shape" aria-hidden="true">◀◀</span> <strong>${say("past_is")}</strong> <time data-testid="past-at">${`${tools.day(state.at)} ${tools.exact(state.at)}`}</time>
      <span data-testid="past-word" role="status">${word(state, tools)}</span>${state.gap?.then_at ? html` <button data-testid="past-next" onClick=${() => hand.seek(state.gap.then_at)}>${say("past_next", { at: tools.moment(state.gap.then_at) })}</button>` : null}
      <button class="main" data-testid="past-leave" onClick=${past.leave}>${say("past_leave")}</button></p>
    <div class="past-hand"><label>${say("past_day")} <select data-testid="past-day" onChange=${(event) => hand.seek(sameHour(state.days, state.at, state.days.find((one) => one.day === event.target.value)))}>
        ${day ? null : html`<option selected>${tools.day(state.at)}</option>`}${(state.days ?? []).map((one) => html`<option key=${one.day} value=${one.day} selected=${one === day}>${one.day}</option>`)}</select></label>
      <button data-testid="past-back" aria-label=${say("past_back", { n: stepOf(state.speed) })} title=${say("past_back", { n: stepOf(state.speed) })} onClick=${() => hand.step(-1)}>◂|</button>
      <button data-testid="past-play" aria-pressed=${state.playing} disabled=${at_end} onClick=${hand.toggle}>${state.playing ? `❚❚ ${say("past_pause")}` : `▶ ${say("past_play")}`}</button>
      <button data-testid="past-on" aria-label=${say("past_on", { n: stepOf(state.speed) })} title=${say("past_on", { n: stepOf(state.speed) })} onClick=${() => hand.step(1)}>|▸</button>
      <span role="group" aria-label=${say("past_speed")}>${SPEEDS.map((speed) => html`<button key=${speed} data-testid=${`past-x${speed}`} aria-pressed=${state.speed === speed} onClick=${() => hand.pace(speed)}>×${speed}</button>`)}</span>
      <${Presses} state=${state} hand=${hand} tools=${tools} /><span class="quiet">${say("past_keys")}</span></div>
    ${day ? html`<${Timeline} day=${day} state=${state} hand=${hand} tools=${tools} />` : null}
    ${picture && !state.gap ? html`<${Beside} picture=${picture} truth=${state.truth} tools=${tools} />` : null}</section>
    <div class="past-frame" aria-hidden="true"></div>`;
}
