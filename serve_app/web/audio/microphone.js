/** The microphone as a source of 16 kHz PCM, whatever rate the device has. */

import { SAMPLE_RATE_HZ, toPcm16 } from "./pcm.js";
import { Resampler } from "./resampler.js";

/** Why a microphone ended that nobody stopped. */
export const LOST = "lost";

/** A source: `start(push)` begins to hand over PCM, `ended` settles when there is no more. */
export class Microphone {
  #stream;
  #context;
  #rest = () => {};
  #end;
  ended = new Promise((resolve) => {
    this.#end = resolve;
  });

  /** Ask for the microphone; rejects with a DOMException whose name says why there is none. */
  static async open(deviceId = "") {
    if (!navigator.mediaDevices) {
      throw new DOMException("microphones need https or localhost", "SecurityError");
    }
    const stream = await navigator.mediaDevices.getUserMedia({
      audio: {
        ...(deviceId && { deviceId: { exact: deviceId } }),
        channelCount: 1,
        autoGainControl: true,
        // Recognisers are made for plain sound; what these take away they take from speech as well.
        echoCancellation: false,
        noiseSuppression: false,
      },
    });
    return new Microphone(stream);
  }

  constructor(stream) {
    this.#stream = stream;
  }

  async start(push) {
    const [track] = this.#stream.getAudioTracks();
    track.addEventListener("ended", () => this.stop(LOST));
    const context = new AudioContext();
    this.#context = context;
    context.resume();
    // A phone call or a locked screen suspends the context; it goes on when the page may.
    context.addEventListener("statechange", () => {
      if (context.state !== "running" && context.state !== "closed") context.resume();
    });
    await context.audioWorklet.addModule(new URL("./capture-worklet.js", import.meta.url));
    const capture = new AudioWorkletNode(context, "capture", {
      numberOfOutputs: 0,
      channelCount: 1,
      channelCountMode: "explicit",
    });
    const resampler = new Resampler(context.sampleRate, SAMPLE_RATE_HZ);
    capture.port.onmessage = ({ data }) => push(toPcm16(resampler.process(data)));
    this.#rest = () => {
      capture.port.onmessage = null;
      push(toPcm16(resampler.flush()));
    };
    context.createMediaStreamSource(this.#stream).connect(capture);
  }

  stop(reason) {
    for (const track of this.#stream.getTracks()) track.stop();
    this.#rest();
    this.#rest = () => {};
    this.#context?.close();
    this.#context = undefined;
    this.#end(reason);
  }
}

/** Microphones by id and label; labels are empty until the user has allowed one. */
export async function microphones() {
  const devices = (await navigator.mediaDevices?.enumerateDevices()) ?? [];
  return devices
    .filter(({ kind, deviceId }) => kind === "audioinput" && deviceId)
    .map(({ deviceId, label }) => ({ id: deviceId, label }));
}
