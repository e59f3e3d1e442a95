import { dirname, relative } from "node:path";
import type { Command } from "commander";
import { SkySenseError } from "../core/error.ts";
import { writeAtomic } from "../core/write-atomic.node.ts";
import { describeAsStac } from "../embed/describe-model.ts";
import { loadModel, modelConfig, modelNames, weightsFile, weightsOf } from "../embed/load-model.node.ts";
import { regionMap } from "../model/geo-context.ts";
import { countParameters, type ParameterTree } from "../model/parameters.ts";
import { initSkySense, type SkySenseConfig } from "../model/skysense.ts";

export function addModels(program: Command): void {
  program
    .command("models")
    .summary("list the models, or show one")
    .description("List the models that have a name, or show the parts and sizes of one.")
    .argument("[model]", `${modelNames.join(", ")}, or a .safetensors file`)
    .option("--json", "print the whole configuration as JSON")
    .option("--regions <geojson>", "write the regions of its geo-context as GeoJSON")
    .option("--stac <json>", "write a STAC item of it (Machine Learning Model extension)")
    .action(async (name: string | undefined, options: { json?: boolean; regions?: string; stac?: string }) => {
      if (name === undefined) {
        for (const key of modelNames) {
          console.log(`${key.padEnd(12)} ${summary(modelConfig(key))}, ${weightsOf(key)}`);
        }
        return;
      }
      const config = modelConfig(name);
      console.log(options.json ? JSON.stringify(config, null, 2) : parts(config));
      if (options.stac !== undefined) await writeAtomic(options.stac, await stacItem(name, options.stac));
      if (options.regions !== undefined) {
        if (config.geoContext === undefined) {
          throw new SkySenseError({
            code: "NO_REGIONS",
            what: `the model "${name}" has no geo-context`,
            remedy: "Leave --regions out.",
          });
        }
        await writeAtomic(options.regions, JSON.stringify(regionMap(config.geoContext.grid)));
      }
    });
}

async function stacItem(name: string, path: string): Promise<string> {
  const created = new Date().toISOString().replace(/\.\d+/, "");
  const file = weightsFile(name);
  const weightsHref = file && `./${relative(dirname(path), file).replaceAll("\\", "/")}`;
  const model = loadModel(name);
  try {
    return `${JSON.stringify(await describeAsStac(model, { created, ...(weightsHref && { weightsHref }) }), null, 2)}\n`;
  } finally {
    await model.release();
  }
}

function summary(config: SkySenseConfig): string {
  const tree = initSkySense(config) as ParameterTree;
  const features = config.fusion.width * (config.geoContext === undefined ? 1 : 2);
  return `${millions(countParameters(tree))} parameters, ${features} features`;
}

function parts(config: SkySenseConfig): string {
  const tree = initSkySense(config) as Record<string, ParameterTree | undefined>;
  const rows = Object.entries(tree).flatMap(([part, weights]) =>
    weights === undefined
      ? []
      : [`${part.padEnd(12)} ${millions(countParameters(weights)).padStart(9)}  ${details(part, config)}`],
  );
  return [summary(config), ...rows].join("\n");
}

function details(part: string, { hr, s2, s1, fusion, calendar, geoContext }: SkySenseConfig): string {
  const vit = (c: NonNullable<typeof s2>["encoder"]) =>
    `ViT: ${c.bands} bands, patch ${c.patch}, width ${c.width}, ${c.depth} layers, ${c.heads} heads`;
  const texts: Record<string, () => string> = {
    backbone_hr: () =>
      `Swin V2: ${hr!.bands} bands, patch ${hr!.patch}, width ${hr!.width}, depths ${hr!.depths.join("-")}, window ${hr!.window}`,
    backbone_s2: () => vit(s2!.encoder),
    head_s2: () => `× ${s2!.head.scale}, to width ${s2!.head.outputWidth}`,
    backbone_s1: () => vit(s1!.encoder),
    head_s1: () => `× ${s1!.head.scale}, to width ${s1!.head.outputWidth}`,
    fusion: () => `width ${fusion.width}, ${fusion.depth} layers, ${fusion.heads} heads`,
    ctpe: () => `date codes for ${calendar.kind === "s2" ? "Sentinel-2" : "every dated image"}`,
    geo_context: () => `${geoContext!.grid ** 2} regions, ${geoContext!.prototypes} prototypes each`,
  };
  return texts[part]?.() ?? "";
}

function millions(n: number): string {
  return n >= 1e9 ? `${(n / 1e9).toFixed(2)} G` : `${(n / 1e6).toFixed(2)} M`;
}
