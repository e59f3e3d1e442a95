import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { asyncBufferFromFile, parquetMetadataAsync } from "hyparquet";
import { expect, test } from "vitest";
import { footprint } from "./footprint.ts";
import { writeEmbeddings } from "./geoparquet.node.ts";

test("writeEmbeddings: a stream of 20,000 wide vectors is cut into row groups of 16 MB", async () => {
  const dir = await mkdtemp(join(tmpdir(), "skysense-"));
  try {
    const path = join(dir, "large.parquet");
    const dimensions = 512;
    const vector = new Float32Array(dimensions).fill(0.5);
    function* rows() {
      for (let i = 0; i < 20_000; i++) {
        const tile = [i, 0, 1, 1] as const;
        yield {
          id: `${i}`,
          tile,
          footprint: footprint({ transform: [1, 0, 0, 0, 1, 0], window: tile }),
          dates: {},
          vector,
          valid: 1,
        };
      }
    }
    const metadata = {
      type: "chip",
      dimensions,
      data_type: "float32",
      normalized: false,
      model: { name: "m", architecture: "a", parameters: 1, weights: { sha256: "00", random: true } },
      source_data: [],
      chip_layout: { layout_type: "regular_grid", chip_size: [1, 1], stride: [1, 1] },
      software: "test",
    } as const;
    expect(await writeEmbeddings({ path, rows: rows(), georeferenced: false, metadata })).toBe(20_000);
    const { row_groups } = await parquetMetadataAsync(await asyncBufferFromFile(path));
    expect(row_groups.map(({ num_rows }) => Number(num_rows))).toEqual([7812, 7812, 4376]);
  } finally {
    await rm(dir, { recursive: true });
  }
});
