/**
 * Any sample rate to any other: a polyphase filter with a Kaiser-windowed sinc.
 *
 * Positions are counted in integers, so minutes of audio do not drift by a sample; what lies above
 * half of the lower rate is down by 80 dB before it could fold back into speech.
 */

const ATTENUATION_DB = 80;
/** Kaiser's formulas: the window's shape for an attenuation, and the length for a transition. */
const KAISER_BETA = 0.1102 * (ATTENUATION_DB - 8.7);
const KAISER_LENGTH = (ATTENUATION_DB - 8) / 2.285;
/** Share of the band that the filter takes to fall from all to nothing. */
const TRANSITION = 1 / 8;

export class Resampler {
  #up;
  #down;
  #halfWidth;
  #phases;
  /** Input that is still needed; `#buffer[0]` is input sample `#bufferStart`. */
  #buffer;
  #bufferStart;
  /** The next output sample lies at input `#base + #phase / #up`. */
  #base = 0;
  #phase = 0;
  #received = 0;

  constructor(fromHz, toHz) {
    const divisor = greatestCommonDivisor(fromHz, toHz);
    this.#up = toHz / divisor;
    this.#down = fromHz / divisor;
    const edge = Math.min(fromHz, toHz) / 2 / fromHz;
    this.#halfWidth = Math.ceil(KAISER_LENGTH / (2 * Math.PI * edge * TRANSITION) / 2);
    this.#phases = designPhases(this.#up, this.#halfWidth, edge * (1 - TRANSITION / 2));
    this.#bufferStart = -this.#halfWidth;
    this.#buffer = new Float32Array(this.#halfWidth);
  }

  /** The output that `input` completes. */
  process(input) {
    this.#received += input.length;
    this.#append(input);
    return this.#produce(Number.POSITIVE_INFINITY);
  }

  /** The rest of the output, once no more input comes. */
  flush() {
    this.#append(new Float32Array(this.#halfWidth));
    return this.#produce(this.#received);
  }

  #append(input) {
    const joined = new Float32Array(this.#buffer.length + input.length);
    joined.set(this.#buffer);
    joined.set(input, this.#buffer.length);
    this.#buffer = joined;
  }

  #produce(endBase) {
    const lastBase = this.#bufferStart + this.#buffer.length - this.#halfWidth;
    const limit = Math.min(lastBase, endBase);
    const output = [];
    while (this.#base < limit) {
      output.push(this.#sample());
      const next = this.#phase + this.#down;
      this.#base += Math.floor(next / this.#up);
      this.#phase = next % this.#up;
    }
    this.#forget();
    return Float32Array.from(output);
  }

  #sample() {
    const taps = this.#phases[this.#phase];
    const first = this.#base - this.#halfWidth + 1 - this.#bufferStart;
    let sum = 0;
    for (let i = 0; i < taps.length; i++) sum += taps[i] * this.#buffer[first + i];
    return sum;
  }

  #forget() {
    const needed = this.#base - this.#halfWidth + 1;
    const gone = Math.min(Math.max(0, needed - this.#bufferStart), this.#buffer.length);
    this.#buffer = this.#buffer.slice(gone);
    this.#bufferStart += gone;
  }
}

/** One set of taps for each place between two input samples; each passes a constant unchanged. */
function designPhases(count, halfWidth, cutoff) {
  return Array.from({ length: count }, (_, phase) => {
    const taps = Float64Array.from({ length: 2 * halfWidth }, (_, i) => {
      const distance = phase / count - (i - halfWidth + 1);
      return sinc(2 * cutoff * distance) * kaiser(distance / halfWidth);
    });
    const sum = taps.reduce((total, tap) => total + tap, 0);
    return taps.map((tap) => tap / sum);
  });
}

function sinc(x) {
  return x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x);
}

function kaiser(place) {
  const inside = Math.max(0, 1 - place * place);
  return bessel0(KAISER_BETA * Math.sqrt(inside)) / bessel0(KAISER_BETA);
}

/** The modified Bessel function of order 0, by its series. */
function bessel0(x) {
  let term = 1;
  let sum = 1;
  for (let k = 1; term > sum * 1e-12; k++) {
    term *= (x / (2 * k)) ** 2;
    sum += term;
  }
  return sum;
}

function greatestCommonDivisor(a, b) {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}
