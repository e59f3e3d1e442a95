import type { SensorName } from "../../core/place.ts";

/** What is known of one band, before a file is opened. */
export interface BandProfile {
  name: string;
  /** Centre and width, nanometres in vacuum. */
  wavelengthNm: readonly [centre: number, width: number];
  /** Native pixel size; undefined: the platform's own. */
  gsdMetres?: number;
  /** Of the value after `div`; undefined: the model does not take this band. */
  normalisation?: { mean: number; std: number };
}

/** A sensor as data: what its bands are, in which unit the model wants them, and how they are normalised. */
export interface SensorProfile {
  sensor: SensorName;
  title: string;
  /** The unit of an ImageStack of this sensor. */
  unit: string;
  /** In `unit`. Values outside are no measurement and masked, but for HR: there they are cut to it. */
  validRange: readonly [min: number, max: number];
  /** Normalised value = (value / div − mean) / std. */
  div: number;
  /** The value that marks a pixel without data where all bands hold it, unless the file says otherwise. */
  emptyValue?: number;
  /** Bands that the model takes, in its order, then the others. */
  bands: readonly BandProfile[];
  /** Where `normalisation` comes from. */
  source: string;
}

/** Nominal wavelengths: each camera has its own. NIR has no published statistics; see `source`. */
const hr: SensorProfile = {
  sensor: "hr",
  title: "high-resolution optical",
  unit: "0–255",
  validRange: [0, 255],
  div: 255,
  bands: [
    { name: "R", wavelengthNm: [660, 60], normalisation: { mean: 0.485, std: 0.229 } },
    { name: "G", wavelengthNm: [560, 60], normalisation: { mean: 0.456, std: 0.224 } },
    { name: "B", wavelengthNm: [480, 60], normalisation: { mean: 0.406, std: 0.225 } },
    { name: "NIR", wavelengthNm: [840, 120], normalisation: { mean: 0.485, std: 0.229 } },
  ],
  source:
    "SkySense++ (the ImageNet statistics). None is published for NIR: it takes those of R, because the four-channel " +
    "kernel is made by copying the one of R",
};

/** Wavelengths of Sentinel-2A: ESA, Sentinel-2 Spectral Response Functions (COPE-GSEG-EOPG-TN-15-0007). */
const s2: SensorProfile = {
  sensor: "s2",
  title: "Sentinel-2 MSI (L1C or L2A)",
  unit: "reflectance × 10⁴",
  validRange: [-1000, 28000],
  div: 1,
  emptyValue: 0,
  bands: [
    {
      name: "B02",
      wavelengthNm: [492.4, 66],
      gsdMetres: 10,
      normalisation: { mean: 884.29673756, std: 1155.15170768 },
    },
    {
      name: "B03",
      wavelengthNm: [559.8, 36],
      gsdMetres: 10,
      normalisation: { mean: 1144.16202635, std: 1183.6292542 },
    },
    {
      name: "B04",
      wavelengthNm: [664.6, 31],
      gsdMetres: 10,
      normalisation: { mean: 1297.47289228, std: 1368.11351514 },
    },
    {
      name: "B05",
      wavelengthNm: [704.1, 15],
      gsdMetres: 20,
      normalisation: { mean: 1624.90992062, std: 1370.265037 },
    },
    {
      name: "B06",
      wavelengthNm: [740.5, 15],
      gsdMetres: 20,
      normalisation: { mean: 2194.6423161, std: 1355.55390699 },
    },
    {
      name: "B07",
      wavelengthNm: [782.8, 20],
      gsdMetres: 20,
      normalisation: { mean: 2422.21248945, std: 1416.51487101 },
    },
    {
      name: "B08",
      wavelengthNm: [832.8, 106],
      gsdMetres: 10,
      normalisation: { mean: 2517.76053101, std: 1474.78900051 },
    },
    {
      name: "B8A",
      wavelengthNm: [864.7, 21],
      gsdMetres: 20,
      normalisation: { mean: 2581.64687018, std: 1439.3086061 },
    },
    {
      name: "B11",
      wavelengthNm: [1613.7, 91],
      gsdMetres: 20,
      normalisation: { mean: 2368.51236873, std: 1455.52084939 },
    },
    {
      name: "B12",
      wavelengthNm: [2202.4, 175],
      gsdMetres: 20,
      normalisation: { mean: 1805.06846033, std: 1343.48379601 },
    },
    { name: "B01", wavelengthNm: [442.7, 21], gsdMetres: 60 },
    { name: "B09", wavelengthNm: [945.1, 20], gsdMetres: 60 },
    { name: "B10", wavelengthNm: [1373.5, 31], gsdMetres: 60 },
  ],
  source: "SkySense++ pre-training",
};

/** C band, 5.405 GHz. */
const s1: SensorProfile = {
  sensor: "s1",
  title: "Sentinel-1 SAR",
  unit: "dB",
  validRange: [-60, 40],
  div: 1,
  emptyValue: 0,
  bands: [
    {
      name: "VV",
      wavelengthNm: [55_465_763, 0],
      gsdMetres: 10,
      normalisation: { mean: -12.54847273, std: 5.25697717 },
    },
    {
      name: "VH",
      wavelengthNm: [55_465_763, 0],
      gsdMetres: 10,
      normalisation: { mean: -20.19237134, std: 5.91150917 },
    },
  ],
  source: "SkySense++ pre-training",
};

export const profiles: Readonly<Record<SensorName, SensorProfile>> = { hr, s2, s1 };

/** The bands that the model takes, in its order. */
export function modelBands(sensor: SensorName): string[] {
  return profiles[sensor].bands.filter((band) => band.normalisation !== undefined).map((band) => band.name);
}

/** Orders in which files are commonly written, by the name that stands for them in `bands`. */
export const bandOrders: Readonly<Record<string, { sensor: SensorName; bands: readonly string[] }>> = {
  rgb: { sensor: "hr", bands: ["R", "G", "B"] },
  rgbnir: { sensor: "hr", bands: ["R", "G", "B", "NIR"] },
  nirrgb: { sensor: "hr", bands: ["NIR", "R", "G", "B"] },
  nirrg: { sensor: "hr", bands: ["NIR", "R", "G"] },
  // The model's own order.
  model: { sensor: "s2", bands: ["B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B11", "B12"] },
  // What the official SkySense loader reads: B08 in fourth place.
  skysense: { sensor: "s2", bands: ["B02", "B03", "B04", "B08", "B05", "B06", "B07", "B8A", "B11", "B12"] },
  // SAFE order, L1C; also TerraMesh and Sen1Floods11.
  l1c: {
    sensor: "s2",
    bands: ["B01", "B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B09", "B10", "B11", "B12"],
  },
  // SAFE order, L2A (no B10); also TerraMesh and BigEarthNet.
  l2a: { sensor: "s2", bands: ["B01", "B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B09", "B11", "B12"] },
  // EuroSAT: B8A comes last.
  eurosat: {
    sensor: "s2",
    bands: ["B01", "B02", "B03", "B04", "B05", "B06", "B07", "B08", "B09", "B10", "B11", "B12", "B8A"],
  },
  "10m": { sensor: "s2", bands: ["B02", "B03", "B04", "B08"] },
  "20m": { sensor: "s2", bands: ["B05", "B06", "B07", "B8A", "B11", "B12"] },
  // WorldCereal and Presto: no B8A.
  worldcereal: { sensor: "s2", bands: ["B02", "B03", "B04", "B05", "B06", "B07", "B08", "B11", "B12"] },
  vvvh: { sensor: "s1", bands: ["VV", "VH"] },
  vhvv: { sensor: "s1", bands: ["VH", "VV"] },
};
