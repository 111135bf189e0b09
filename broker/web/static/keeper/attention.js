// How a call reaches somebody who does not look at the page: sound, vibration, a notification, a screen that stays on.
// Each where the browser has it and its reader has allowed it by a click.

import { allow, silent, sound, turn, wanted } from "../sound.js";

let awake = null;
const told = new Set();

// One click switches all of it on or off.
export async function toggle() {
  turn();
  if (!wanted()) return void (await awake?.release?.());
  await stayAwake();
  if (globalThis.Notification?.permission === "default") await Notification.requestPermission();
}

// A browser lets a page sound after a click only: any will do.
export const unlock = () => (wanted() && silent() ? (allow(), stayAwake()) : undefined);
export const state = () => (silent() ? "sound_waits" : wanted() ? "sound_on" : "sound_off");

async function stayAwake() {
  awake = (await navigator.wakeLock?.request?.("screen").catch(() => null)) ?? null;
}

document.addEventListener("visibilitychange", () => void (document.visibilityState === "visible" && wanted() && stayAwake())); // it is lost when the page is hidden

// Rings for as long as it is called; each call is notified of once.
export function ring(key, title, text) {
  sound();
  if (told.has(key)) return;
  told.add(key);
  if (wanted()) navigator.vibrate?.([400, 200, 400]);
  if (globalThis.Notification?.permission !== "granted") return;
  try {
    new Notification(title, { body: text, tag: key, requireInteraction: true });
  } catch {
    // A phone's browser takes notifications from a service worker only: it rings all the same.
  }
}
