import type { Place } from "../core/place.ts";

/** Something that turns a place into one vector. */
export interface Extractor {
  /** For tables: "nano, random weights, fused", "ImageStats". */
  name: string;
  /** Learnable numbers behind the vector. */
  parameters: number;
  /** Changes whenever vectors of the same place would. */
  fingerprint: string;
  /**
   * One vector a place, all of one length.
   * @throws SkySenseError when a place lacks what is needed
   */
  extract(places: readonly Place[], options?: { signal?: AbortSignal | undefined }): Promise<Float32Array[]>;
}
