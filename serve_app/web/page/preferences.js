/** What the user chose, kept in this browser; never a key. */

const KEY = "dragoman.preferences";
const DEFAULTS = {
  source: "auto",
  targets: null,
  delay: "",
  hotwords: "",
  size: "medium",
  device: "",
  aloud: true,
};

export function loadPreferences() {
  try {
    return { ...DEFAULTS, ...JSON.parse(localStorage.getItem(KEY) ?? "{}") };
  } catch {
    return { ...DEFAULTS };
  }
}

export function savePreferences(preferences) {
  try {
    localStorage.setItem(KEY, JSON.stringify(preferences));
  } catch {
    // A browser that keeps nothing (private windows, no space) still shows captions.
  }
}
