import type { SensorName } from "../../core/place.ts";

/** The model that made an embedding, as every output names it. */
export interface ModelDescription {
  /** "skysense-nano". */
  name: string;
  /** "Swin Transformer V2 + Vision Transformer". */
  architecture: string;
  parameters: number;
  weights: {
    /** 64 hexadecimal digits. */
    sha256: string;
    /** Never trained: features show what the architecture alone gives. */
    random: boolean;
    /** Path or URL, where there is a file. */
    file?: string;
    /** Data that the weights were trained on; absent: unknown or none. */
    trainedOn?: string;
  };
}

/** The images of one sensor that went into an embedding. */
export interface SourceDescription {
  sensor: SensorName;
  /** Paths or URLs as the user gave them. */
  files: readonly string[];
  bands: readonly string[];
  /** "reflectance × 10000", "dB", "0–255". */
  unit: string;
  /** ISO 8601, in the order of the stack; undefined: not known. */
  dates: readonly (string | undefined)[];
  /** Metres on the ground a pixel; absent: no georeference. */
  gsdMetres?: number;
  /** What was assumed or corrected, one sentence each. */
  decisions: readonly string[];
}

/**
 * What the `emb` key in the footer of a GeoParquet file says of its vectors: the fields of the STAC Embedding extension
 * v0.0.1 without their prefix, and where the vectors come from.
 */
export interface EmbeddingMetadata {
  type: "chip";
  dimensions: number;
  data_type: "float32";
  /** Vectors keep their length: dividing by it would throw information away. */
  normalized: false;
  model: ModelDescription;
  source_data: readonly SourceDescription[];
  chip_layout: {
    layout_type: "regular_grid";
    chip_size: readonly [height: number, width: number];
    stride: readonly [rows: number, cols: number];
  };
  /** "skysense 0.1.0". */
  software: string;
}
