import { formatNumber } from "../report/format.ts";
import { type Html, html } from "../report/html.ts";
import { featurePicture, fitFeatureColours } from "../report/pca.ts";
import { facts } from "../report/pieces.ts";
import { type PlaceAttention, watched } from "./report-attention.ts";
import { regionChart } from "./report-map.ts";

/** Prototypes as pre-training left them, and what places make of them. */
export interface Globe {
  grid: number;
  prototypes: number;
  attention: readonly PlaceAttention[];
  /** [grid²]: places learnt from; undefined: not known. */
  visits: ArrayLike<number> | undefined;
}

/**
 * What attention to the prototypes gives to each region, as colours that are alike where it is alike; and of how many
 * prototypes it is made.
 */
export function globe({ grid, prototypes, attention, visits }: Globe): Html {
  if (attention.length === 0) return html`<p class="muted">No place has a location.</p>`;
  const regions = [...new Set(attention.map(({ region }) => region))]
    .sort((a, b) => a - b)
    .map((region) => [region, attention.filter((place) => place.region === region)] as const);
  const contexts = regions.map(([, places]) => meanOf(places.map(({ context }) => context)));
  const shares = regions.map(([, places]) => meanOf(places.map((place) => place.shares)));
  const width = contexts[0]!.length;
  const byChannel = new Float32Array(width * contexts.length);
  for (const [i, context] of contexts.entries()) {
    for (let j = 0; j < width; j++) byChannel[j * contexts.length + i] = context[j]!;
  }
  const colours = fitFeatureColours(contexts);
  const { rgba } = featurePicture(colours, byChannel, { width: contexts.length, height: 1 });
  const title = (i: number) => {
    const [region, places] = regions[i]!;
    const known = visits === undefined ? "" : `, ${formatNumber(visits[region]!)} visits`;
    return `Region ${region}: ${places.length} places shown${known}, attention as to ${formatNumber(watched(shares[i]!))} of ${prototypes} prototypes`;
  };
  const locations = attention.map(({ location }) => location);
  const alike = regions.map(([region], i) => ({
    region,
    colour: `rgb(${rgba.subarray(4 * i, 4 * i + 3).join(" ")})`,
    title: title(i),
  }));
  const narrow = regions.map(([region], i) => ({
    region,
    colour: `color-mix(in srgb, var(--s1) ${Math.round(12 + 88 * focus(watched(shares[i]!), prototypes))}%, transparent)`,
    title: title(i),
  }));
  const mean = shares.reduce((sum, share) => sum + watched(share), 0) / shares.length;
  return html`<div style="display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,440px),1fr));gap:24px 40px;align-items:end">
<div><p>What attention to a region’s prototypes appends to the fused features, as its first three principal components: alike colours are alike contexts.</p>
${regionChart({ grid, regions: alike, places: locations, label: "World map of regions in the colours of their context" })}</div>
<div><p>How selective attention is: pale regions look at all prototypes alike, strong ones at few.</p>
${regionChart({ grid, regions: narrow, places: locations, label: "World map of regions by how selective attention is" })}</div></div>
<div style="margin-top:18px">${facts([
    ["Regions", `${grid} × ${grid}, of equal area; ${regions.length} with places that are shown`],
    ["Learnt from", visits && `${Array.from(visits).filter((n) => n > 0).length} regions`],
    ["Prototypes looked at", `as ${formatNumber(mean)} of ${prototypes}, the mean over regions`],
  ])}</div>`;
}

/** 0: all prototypes alike, 1: a single one. */
function focus(count: number, prototypes: number): number {
  return prototypes === 1 ? 1 : 1 - Math.log(count) / Math.log(prototypes);
}

function meanOf(rows: readonly Float32Array[]): Float32Array {
  return rows[0]!.map((_, j) => rows.reduce((sum, row) => sum + row[j]!, 0) / rows.length);
}
