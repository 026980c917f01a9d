/** 16 kHz mono 16-bit PCM: what the server is sent. */

export const SAMPLE_RATE_HZ = 16_000;
export const SAMPLES_PER_MS = SAMPLE_RATE_HZ / 1000;

/** Samples in [-1, 1] to 16 bits; what is louder is clipped. */
export function toPcm16(samples) {
  const pcm = new Int16Array(samples.length);
  for (let i = 0; i < samples.length; i++) {
    const scaled = Math.round(samples[i] * 32_767);
    pcm[i] = Math.max(-32_768, Math.min(32_767, scaled));
  }
  return pcm;
}
