/** What went wrong, in words that say how to mend it. */

const MICROPHONE = {
  NotAllowedError: {
    title: "The microphone is blocked",
    mend:
      "Click the icon at the left of the address, allow the microphone for this page, and start " +
      "again. Or open a file instead.",
  },
  NotFoundError: {
    title: "No microphone was found",
    mend: "Plug one in or switch it on, and start again. Or open a file instead.",
  },
  OverconstrainedError: {
    title: "The chosen microphone is not there",
    mend: "Choose another one under Settings, and start again.",
  },
  NotReadableError: {
    title: "The microphone is busy",
    mend: "Another program is using it. Close that program, and start again.",
  },
  lost: {
    title: "The microphone is gone",
    mend: "It was unplugged or switched off; what was said until then is kept. Start again with another.",
  },
  SecurityError: {
    title: "The browser gives this page no microphone",
    mend:
      "Browsers do that only over https, or at http://localhost. Open the page at such an address. " +
      "Files can be opened here all the same.",
  },
};

const SESSION = {
  refused: {
    title: "The server refused the connection",
    mend: "Start again. If it refuses again, its log says why.",
  },
  unauthorized: {
    title: "The server wants an API key",
    mend: "Enter yours under Settings; if you did, check it. Then start again.",
  },
  full: {
    title: "The server takes no connection now",
    mend: "It may have all the sessions that it can hold. It will be tried again.",
  },
  not_ready: {
    title: "The server is not ready yet",
    mend: "It will be tried again until it is.",
  },
  unreachable: {
    title: "The server cannot be reached",
    mend: "Check your network, and that the server is running. It will be tried again.",
  },
  lost: { title: "The connection was lost", mend: "It will be taken up again; nothing is lost." },
  away_too_long: {
    title: "The connection was away for over 20 minutes",
    mend: "More speech than that cannot be kept. Save what is here, and start again.",
  },
  expired_resume_token: {
    title: "The connection was away for too long",
    mend: "The session cannot be taken up again. Save what is here, and start again.",
  },
  invalid_resume_token: {
    title: "The server does not know this session any more",
    mend: "It was set up anew meanwhile. Save what is here, and start again.",
  },
  languages: {
    title: "The server did not say which languages it knows",
    mend: "Reload the page in a moment; if that does not help, see whether the server is ready.",
  },
};

/** For what `getUserMedia` rejects with. */
export function microphoneProblem({ name, message }) {
  return (
    MICROPHONE[name] ?? {
      title: "The microphone cannot be used",
      mend: `The browser says: ${message || name}. Choose another one under Settings, or open a file.`,
    }
  );
}

/** For a code of ours or an `error` event of the server, whose own message says how to mend it. */
export function sessionProblem({ code, message, detail }) {
  const known = SESSION[code];
  if (!known) return { title: "The server stopped the session", mend: message ?? code };
  return { ...known, mend: detail ? `${known.mend} (${detail})` : known.mend };
}
