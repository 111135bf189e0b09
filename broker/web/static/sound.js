// What nobody has seen for a while sounds, where its reader has switched that on; a browser allows it after a click.

const EVERY_MS = 2000, TONE_HZ = 880, TONE_S = 0.25;
let audio = null, soundedAt = 0;
export const wanted = () => localStorage.getItem("sound") === "on";
export const silent = () => wanted() && audio?.state !== "running"; // asked for, and not allowed yet

export function allow() {
  audio ??= new AudioContext();
  void audio.resume();
}

export function turn() {
  localStorage.setItem("sound", wanted() ? "off" : "on");
  if (wanted()) allow();
}

export function sound() {
  if (!wanted() || silent() || performance.now() - soundedAt < EVERY_MS) return;
  soundedAt = performance.now();
  const tone = audio.createOscillator(), volume = audio.createGain();
  tone.frequency.value = TONE_HZ;
  volume.gain.value = 0.2;
  tone.connect(volume).connect(audio.destination);
  tone.start();
  tone.stop(audio.currentTime + TONE_S);
}
