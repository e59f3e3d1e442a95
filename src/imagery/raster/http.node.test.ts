import { readFileSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, expect, test } from "vitest";
import { openRaster } from "./open.node.ts";

const fixtures = new URL("../../../fixtures/raster/", import.meta.url).pathname;
const cog = readFileSync(`${fixtures}cog-overviews/input.tif`);
const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

type Handler = (request: IncomingMessage, response: ServerResponse, range: [number, number] | undefined) => void;

/** A local server that notes the ranges asked of it. */
async function serve(handle: Handler): Promise<{ url: string; ranges: [number, number][] }> {
  const ranges: [number, number][] = [];
  const server = createServer((request, response) => {
    const match = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? "");
    const range = match ? ([Number(match[1]), Number(match[2])] as [number, number]) : undefined;
    if (range) ranges.push(range);
    handle(request, response, range);
  });
  await new Promise<void>((ready) => server.listen(0, "127.0.0.1", ready));
  closers.push(
    () => server.closeAllConnections(),
    () => server.close(),
  );
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/scene.tif`, ranges };
}

const ranged =
  (file: Uint8Array): Handler =>
  (_request, response, range) => {
    const [first, last] = range ?? [0, file.length - 1];
    const body = file.subarray(first, last + 1);
    response.writeHead(206, { "Content-Range": `bytes ${first}-${first + body.length - 1}/${file.length}` });
    response.end(body);
  };

/** The COG moved behind 1 MiB of filling, so that its tiles are not in the first request: offsets are moved along. */
function farCog(): Uint8Array {
  const gap = 2 ** 20;
  const out = new Uint8Array(cog.length + gap);
  const view = new DataView(out.buffer);
  let firstTile = cog.length;
  const source = new DataView(cog.buffer, cog.byteOffset, cog.length);
  const patches: number[] = [];
  for (let at = source.getUint32(4, true); at !== 0; ) {
    const count = source.getUint16(at, true);
    for (let i = 0; i < count; i++) {
      const entry = at + 2 + i * 12;
      if (source.getUint16(entry, true) !== 324) continue;
      const values = source.getUint32(entry + 4, true);
      const start = values === 1 ? entry + 8 : source.getUint32(entry + 8, true);
      for (let v = 0; v < values; v++) patches.push(start + 4 * v);
    }
    at = source.getUint32(at + 2 + count * 12, true);
  }
  for (const at of patches) firstTile = Math.min(firstTile, source.getUint32(at, true));
  out.set(cog.subarray(0, firstTile));
  out.set(cog.subarray(firstTile), firstTile + gap);
  for (const at of patches) view.setUint32(at, source.getUint32(at, true) + gap, true);
  return out;
}

test("openRaster: a COG on a server is opened with one request, and a window costs one more", async () => {
  const { url, ranges } = await serve(ranged(farCog()));
  const raster = await openRaster(url);
  expect(ranges).toEqual([[0, 65535]]);
  // 250 × 200 pixels over four tiles of 128²: their bytes lie in a row.
  const { data } = await raster.read({ window: [3, 3, 250, 200] });
  expect(ranges.length).toBe(2);
  expect(ranges[1]![1] - ranges[1]![0]).toBeLessThan(cog.length);
  await raster.read({ window: [10, 10, 100, 100] }); // decoded already
  expect(ranges.length).toBe(2);
  await raster.close();

  const local = await openRaster(`${fixtures}cog-overviews/input.tif`);
  expect(data).toEqual((await local.read({ window: [3, 3, 250, 200] })).data);
  await local.close();
});

test("openRaster: a decimated read from a server fetches an overview, not the image", async () => {
  const { url, ranges } = await serve(ranged(farCog()));
  const raster = await openRaster(url);
  await raster.read({ size: [90, 67] });
  await raster.close();
  const bytes = ranges.slice(1).reduce((sum, [first, last]) => sum + last - first + 1, 0);
  expect(bytes).toBeLessThan(cog.length / 4);
});

test("openRaster: a server without ranges is read as a whole when the file is small", async () => {
  const { url } = await serve((_request, response) => response.end(cog));
  const raster = await openRaster(url);
  expect((await raster.read()).shape).toEqual([3, 270, 360]);
  await raster.close();
});

test("openRaster: a missing file on a server is one sentence with the address and the remedy", async () => {
  const { url } = await serve((_request, response) => response.writeHead(404).end());
  await expect(openRaster(url)).rejects.toThrow(
    `the server answers 404 Not Found (${url}). Check the address and the network, or download the file.`,
  );
});

test("openRaster: a server that fails for a moment is asked again", async () => {
  let failures = 1;
  const good = ranged(cog);
  const { url } = await serve((request, response, range) => {
    if (failures-- > 0) response.writeHead(503).end();
    else good(request, response, range);
  });
  await (await openRaster(url)).close();
});

test("read: a file that changed on the server is an error, not a mixture", async () => {
  const file = farCog();
  let changed = false;
  const { url } = await serve((request, response, range) => {
    ranged(changed ? new Uint8Array(file.length + 5) : file)(request, response, range);
  });
  const raster = await openRaster(url);
  changed = true;
  await expect(raster.read()).rejects.toThrow(/does not fit the range.*or the file changed/);
  await raster.close();
});

test("read: a server that sends more than the range does not fill our memory", async () => {
  const file = farCog();
  let flood = false;
  const { url } = await serve((request, response, range) => {
    if (!flood) return ranged(file)(request, response, range);
    response.writeHead(206, { "Content-Range": `bytes 0-1/${file.length}` });
    const piece = Buffer.alloc(2 ** 20);
    const pour = (): void => {
      while (response.write(piece));
      response.once("drain", pour);
    };
    pour();
  });
  const raster = await openRaster(url);
  flood = true;
  await expect(raster.read()).rejects.toThrow(/the server sends more than the \d+ bytes asked for/);
  await raster.close();
});
