/** Keeps the screen on while somebody is being listened to, where the browser can. */

let lock = null;
let wanted = false;

export async function stayAwake(yes) {
  wanted = yes;
  if (!yes) {
    await lock?.release();
    lock = null;
  } else if (navigator.wakeLock && document.visibilityState === "visible") {
    try {
      lock = await navigator.wakeLock.request("screen");
    } catch {
      // A low battery may forbid it; the captions go on all the same.
    }
  }
}

// The browser lets go of it whenever the page is hidden.
document.addEventListener("visibilitychange", () => {
  if (wanted && document.visibilityState === "visible") stayAwake(true);
});
