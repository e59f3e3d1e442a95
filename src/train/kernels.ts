/**
 * kernels.wat, compiled; a test holds the two together where the compiler is installed. After a change:
 * `wat2wasm src/train/kernels.wat --output=- | base64 -w 108` (WABT; Debian: apt install wabt).
 */
export const kernelBytes =
  "AGFzbQEAAAABLwRgAn9/AXxgBX9/f319AGAOf39/f399fX19fX19fX0BfGAKf39/f319fX19fQF8AhQBBXRyYWluBm1lbW9yeQIBAYCABAMF" +
  "BAABAgMHKAQMc3VtT2ZTcXVhcmVzAAAHY29tYmluZQABBWFkYW1XAAIDc2dkAAMKkwYEdAIBfwR7IAAgAWohAgNAIAD9AAQAIQMgA/1fIQYg" +
  "BCAGIAb98gH98AEhBCADIAP9DQgJCgsMDQ4PCAkKCwwNDg/9XyEGIAUgBiAG/fIB/fABIQUgAEEQaiIAIAJJDQALIAQgBf3wASEEIAT9IQAg" +
  "BP0hAaALTgIBfwJ7IAAgAmohBSAD/RMhBiAE/RMhBwNAIAAgBiAA/QAEAP3mASAHIAH9AAQA/eYB/eQB/QsEACABQRBqIQEgAEEQaiIAIAVJ" +
  "DQALC8UCAgF/EXsgACAEaiEOIAX9EyEUIAb9EyEVIAf9EyEWIAj9EyEXIAn9EyEYIAr9EyEZIAv9EyEaIAz9EyEbIA39EyEcA0AgAP0ABAAh" +
  "DyAUIAH9AAQA/eYBIREgFyAC/QAEAP3mASAYIBH95gH95AEhEiAZIAP9AAQA/eYBIBogEf3mASAR/eYB/eQBIRMgAiAS/QsEACADIBP9CwQA" +
  "IBUgD/3mASAWIBL95gEgE/3jASAb/ecBIBz95AH95wH95QEhECAAIBD9CwQAIBAgD/3lASEQIBD9XyEdIB4gHSAd/fIB/fABIR4gECAQ/Q0I" +
  "CQoLDA0ODwgJCgsMDQ4P/V8hHSAfIB0gHf3yAf3wASEfIAFBEGohASACQRBqIQIgA0EQaiEDIABBEGoiACAOSQ0ACyAeIB/98AEhHiAe/SEA" +
  "IB79IQGgC4UCAgF/DXsgACADaiEKIAT9EyEPIAX9EyEQIAb9EyERIAf9EyESIAj9EyETIAn9EyEUA0AgAP0ABAAhCyAPIAH9AAQA/eYBIBAg" +
  "C/3mAf3kASENIBIgAv0ABAD95gEgDf3kASEOIAIgDv0LBAAgCyARIBMgDf3mASAUIA795gH95AH95gH95QEhDCAAIAz9CwQAIAwgC/3lASEM" +
  "IAz9XyEVIBYgFSAV/fIB/fABIRYgDCAM/Q0ICQoLDA0ODwgJCgsMDQ4P/V8hFSAXIBUgFf3yAf3wASEXIAFBEGohASACQRBqIQIgAEEQaiIA" +
  "IApJDQALIBYgF/3wASEWIBb9IQAgFv0hAaAL";

/** The functions of kernels.wat; arrays are byte offsets into the memory, lengths are bytes. */
export interface Kernels {
  sumOfSquares(x: number, bytes: number): number;
  combine(y: number, x: number, bytes: number, a: number, b: number): void;
  adamW(
    ...args: [
      ...arrays: [p: number, g: number, m: number, v: number, bytes: number],
      ...step: [scale: number, keep: number, rate: number],
      ...averaging: [b1: number, c1: number, b2: number, c2: number, root: number, eps: number],
    ]
  ): number;
  sgd(
    ...args: [
      ...arrays: [p: number, g: number, m: number, bytes: number],
      ...step: [scale: number, decay: number, rate: number],
      ...momentum: [momentum: number, direct: number, carried: number],
    ]
  ): number;
}

let compiled: WebAssembly.Module | undefined;

/** The kernels on a memory. */
export function kernelsOn(memory: WebAssembly.Memory): Kernels {
  compiled ??= new WebAssembly.Module(Uint8Array.from(atob(kernelBytes), (letter) => letter.charCodeAt(0)));
  return new WebAssembly.Instance(compiled, { train: { memory } }).exports as unknown as Kernels;
}
