/** Who reads a file, by its first bytes. */
export type FileKind =
  | { reader: "tiff" | "picture" | "npy" | "gdal" }
  | { reader: "none"; name: string; remedy: string };

const toTiff = "Convert it on a machine with GDAL: gdal_translate -of COG in out.tif.";

const variableToTiff =
  'Convert its variable on a machine with GDAL: gdal_translate -of COG NETCDF:"in.nc":variable out.tif.';

const kinds: readonly [magic: string, kind: FileKind][] = [
  ["49492a00", { reader: "tiff" }],
  ["4d4d002a", { reader: "tiff" }],
  ["49492b00", { reader: "tiff" }],
  ["4d4d002b", { reader: "tiff" }],
  ["89504e470d0a1a0a", { reader: "picture" }],
  ["ffd8ff", { reader: "picture" }],
  ["52494646........57454250", { reader: "picture" }],
  ["934e554d5059", { reader: "npy" }],
  ["0000000c6a502020", { reader: "none", name: "JPEG 2000", remedy: toTiff }],
  ["ff4fff51", { reader: "none", name: "JPEG 2000", remedy: toTiff }],
  [
    "894844460d0a1a0a",
    {
      reader: "none",
      name: "HDF5 or netCDF-4",
      remedy: variableToTiff,
    },
  ],
  [
    "434446",
    {
      reader: "none",
      name: "netCDF",
      remedy: variableToTiff,
    },
  ],
  ["0e031301", { reader: "none", name: "HDF4", remedy: toTiff }],
  ["50415231", { reader: "none", name: "Parquet", remedy: "Give an image; tables are not read as rasters." }],
  ["504b0304", { reader: "none", name: "ZIP", remedy: "Unpack it and give the image inside." }],
  ["1f8b", { reader: "none", name: "gzip", remedy: "Unpack it and give the image inside." }],
];

/** @param head The first 16 bytes, or as many as the file has. */
export function fileKind(head: Uint8Array): FileKind {
  const hex = Array.from(head.subarray(0, 16), (byte) => byte.toString(16).padStart(2, "0")).join("");
  return kinds.find(([magic]) => new RegExp(`^${magic}`).test(hex))?.[1] ?? { reader: "gdal" };
}
