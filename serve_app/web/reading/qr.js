/** A link as a QR code; the server computes it, so that it goes to nobody else. */

import { serverUrl } from "../session/socket.js";

const SVG = "http://www.w3.org/2000/svg";
const MARGIN = 4;

/** Draws into an empty `svg`; rejects where the server does not answer. */
export async function drawQr(svg, text) {
  const answer = await fetch(serverUrl("web/qr"), { method: "POST", body: text });
  if (!answer.ok) throw new Error(`${answer.status}`);
  const { rows } = await answer.json();
  const size = rows.length + 2 * MARGIN;
  const path = document.createElementNS(SVG, "path");
  const dark = rows.flatMap((row, y) =>
    [...row].flatMap((cell, x) => (cell === "1" ? [`M${x + MARGIN} ${y + MARGIN}h1v1h-1z`] : [])),
  );
  path.setAttribute("d", dark.join(""));
  svg.setAttribute("viewBox", `0 0 ${size} ${size}`);
  svg.replaceChildren(path);
}
