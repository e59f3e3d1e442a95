/** HR: high-resolution optical; S2: Sentinel-2 multispectral; S1: Sentinel-1 SAR. In the order of the fusion. */
export const sensorNames = ["hr", "s2", "s1"] as const;
export type SensorName = (typeof sensorNames)[number];

/** Degrees, WGS 84. */
export interface Location {
  longitude: number;
  latitude: number;
}

/**
 * The images of one sensor over one place: one or many dates on one grid.
 *
 * Values are in the unit that the model expects, before normalisation: HR 0–255, S2 surface reflectance × 10⁴
 * (no offset), S1 backscatter in dB.
 */
export interface ImageStack {
  /** [dates, bands, height, width], row-major. Masked pixels hold anything finite. */
  data: Float32Array;
  shape: readonly [dates: number, bands: number, height: number, width: number];
  /** Band names in the order of `data`: "R", "G", "B", "NIR" · "B02" … "B12" · "VV", "VH". */
  bands: readonly string[];
  /** [dates, height, width]: 1 valid, 0 nodata. Absent: all valid. */
  mask?: Uint8Array;
  /** ISO 8601 ("2023-05-17" or with a time), one a date; undefined where it is not known. */
  dates?: readonly (string | undefined)[];
}

/** A place: what each sensor saw of it. Any sensor may be absent. */
export type Place = { [sensor in SensorName]?: ImageStack } & { location?: Location };
