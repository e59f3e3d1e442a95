import { DuckDBInstance } from "@duckdb/node-api";
import { openRaster } from "../../src/imagery/raster/open.node.ts";

/** The values of a features.tif, dequantised, [channels, height, width], and the step of each channel. */
export async function readFeatures(path: string) {
  const raster = await openRaster(path);
  try {
    const { data, shape } = await raster.read();
    const cells = shape[1] * shape[2];
    const values = Float32Array.from(data, (stored, i) => {
      const { nodata, scale = 1, offset = 0 } = raster.bands[Math.floor(i / cells)]!;
      return stored === nodata ? Number.NaN : stored * scale + offset;
    });
    return { data: values, shape, steps: raster.bands.map(({ scale = 1 }) => scale) };
  } finally {
    await raster.close();
  }
}

/** Rows of a query over files, through DuckDB. */
export async function query(sql: string): Promise<unknown[][]> {
  const connection = await (await DuckDBInstance.create()).connect();
  try {
    return (await connection.runAndReadAll(sql)).getRows();
  } finally {
    connection.closeSync();
  }
}

/** The vectors of an embeddings.parquet in the order of its rows. */
export async function readVectors(path: string): Promise<Float32Array[]> {
  const rows = await query(`select vector from '${path}'`);
  return rows.map(([cell]) => Float32Array.from((cell as { items: number[] }).items));
}
