/** Files that are dropped anywhere on the page. */

export function acceptDrops(sign, onFile) {
  // Entering a child leaves its parent: only a count tells when the pointer is really gone.
  let depth = 0;
  const show = (change) => {
    depth = Math.max(0, depth + change);
    sign.hidden = depth === 0;
  };
  addEventListener("dragenter", (event) => {
    if (hasFile(event)) show(1);
  });
  addEventListener("dragleave", (event) => {
    if (hasFile(event)) show(-1);
  });
  addEventListener("dragover", (event) => {
    if (hasFile(event)) event.preventDefault();
  });
  addEventListener("drop", (event) => {
    if (!hasFile(event)) return;
    event.preventDefault();
    show(-depth);
    const [file] = event.dataTransfer.files;
    if (file) onFile(file);
  });
}

function hasFile({ dataTransfer }) {
  return dataTransfer?.types.includes("Files") ?? false;
}
