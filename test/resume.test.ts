import { existsSync, readdirSync, readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import sharp from "sharp";
import { expect, test } from "vitest";
import { cli, startCli, temporaryFolder } from "./support/cli.ts";
import { fractal, toBytes } from "./support/images.ts";
import { readVectors } from "./support/outputs.ts";

const timeout = 120_000;
const outputs = [
  "collection.json",
  "embeddings.parquet",
  "features.tif",
  "item.json",
  "model.json",
  "preview.png",
  "report.html",
];

/** A picture of 8 × 24 cells: with windows of 4 cells, 11 rows of windows. */
async function picture(folder: string): Promise<string> {
  const [width, height] = [256, 768];
  const pixels = toBytes(fractal({ bands: 1, height, width }, { mean: 110, spread: 50 }));
  const path = `${folder}/image.png`;
  await sharp(pixels, { raw: { width, height, channels: 1 } })
    .toColourspace("srgb")
    .png()
    .toFile(path);
  return path;
}

/** Start a run and end it by a signal as soon as two rows of windows are done. */
async function interrupted(args: string[], out: string, signal: NodeJS.Signals) {
  const path = `${out}/.skysense-embed/journal.json`;
  const journal = () => (existsSync(path) ? readFileSync(path, "utf8") : "");
  const before = journal();
  const done = (text: string) => text !== before && Number(/"windowRows":(\d+)/.exec(text)?.[1]) >= 2;
  const { child, finished } = startCli(args);
  while (child.exitCode === null && !done(journal())) await sleep(5);
  child.kill(signal);
  return finished;
}

test(
  "skysense embed: a killed run, started again, goes on and ends bit for bit as one that was never stopped",
  async () => {
    const folder = temporaryFolder();
    const image = await picture(folder);
    const command = (out: string) => ["embed", image, "--out", out, "--model", "tiny", "--window", "4"];
    const [straight, resumed] = [`${folder}/straight`, `${folder}/resumed`];
    expect((await cli(...command(straight))).code).toBe(0);

    const killed = await interrupted(command(resumed), resumed, "SIGKILL");
    expect(killed.signal).toBe("SIGKILL");
    expect(readdirSync(resumed)).toEqual([".skysense-embed"]);
    const again = await cli(...command(resumed));
    expect(again.code).toBe(0);
    expect(again.stdout).toMatch(/^went on from row [1-9]\d* of an interrupted run$/m);
    expect(readdirSync(resumed)).toEqual(outputs);
    expect(readFileSync(`${resumed}/features.tif`).equals(readFileSync(`${straight}/features.tif`))).toBe(true);
    expect(await readVectors(`${resumed}/embeddings.parquet`)).toEqual(
      await readVectors(`${straight}/embeddings.parquet`),
    );
    expect(readFileSync(`${resumed}/preview.png`).equals(readFileSync(`${straight}/preview.png`))).toBe(true);
  },
  timeout,
);

test(
  "skysense embed: Ctrl-C ends with exit code 130 and a sentence; another request in the folder starts anew",
  async () => {
    const folder = temporaryFolder();
    const image = await picture(folder);
    const out = `${folder}/out`;
    const command = ["embed", image, "--out", out, "--model", "tiny", "--window", "4"];
    const stopped = await interrupted(command, out, "SIGINT");
    expect(stopped.code).toBe(130);
    expect(stopped.stderr.trim().split("\n").at(-1)).toBe(
      "skysense: interrupted; run the same command again to go on",
    );
    expect(readdirSync(out)).toEqual([".skysense-embed"]);

    const other = await interrupted([...command.slice(0, -1), "8"], out, "SIGKILL");
    expect(other.signal).toBe("SIGKILL");
    // The first request again: the second one's rows are not taken for its own.
    const anew = await cli(...command);
    expect(anew.code).toBe(0);
    expect(anew.stdout).not.toMatch(/went on/);
    expect(readdirSync(out)).toEqual(outputs);
  },
  timeout,
);
