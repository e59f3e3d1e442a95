import type { Location } from "../core/place.ts";
import { regionMap } from "../model/geo-context.ts";
import { landPath } from "../report/coastline.ts";
import { type Html, html, trusted } from "../report/html.ts";

/** What is known of a region of the globe. */
export interface RegionColour {
  region: number;
  /** Any colour of CSS. */
  colour: string;
  /** Shown where the pointer rests. */
  title: string;
}

/** As the land is drawn: quarter degrees. */
const unit = 4;

/** Regions of the n × n grid in colours on the globe, with the places that they come from. Plate carrée. */
export function regionChart({
  grid,
  regions,
  places,
  label,
}: {
  grid: number;
  regions: readonly RegionColour[];
  places: readonly Location[];
  label: string;
}): Html {
  const { features } = regionMap(grid);
  const path = (region: number) => {
    const [ring] = features[region]!.geometry.coordinates;
    return `M${ring!.map(([x, y]) => `${(unit * x!).toFixed(1)} ${(-unit * y!).toFixed(1)}`).join("L")}Z`;
  };
  return html`<svg viewBox="-720 -360 1440 720" role="img" aria-label="${label}" style="display:block;width:100%;height:auto;border-radius:6px;background:var(--sea)">
<path d="${trusted(landPath)}" fill="var(--land)" fill-rule="evenodd"/>
${features.map((_, region) => html`<path d="${path(region)}" fill="none" stroke="var(--line)" stroke-width="1"/>`)}
${regions.map(
  ({ region, colour, title }) =>
    html`<path d="${path(region)}" fill="${colour}" fill-opacity=".7"><title>${title}</title></path>`,
)}
<path d="${trusted(landPath)}" fill="none" stroke="var(--ink)" stroke-opacity=".35" stroke-width="1"/>
${places.map(({ longitude, latitude }) => html`<circle cx="${(unit * longitude).toFixed(1)}" cy="${(-unit * latitude).toFixed(1)}" r="3.5" fill="var(--ink)" fill-opacity=".75"/>`)}
</svg>
`;
}
