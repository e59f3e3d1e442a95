import { landPath } from "./coastline.ts";
import { type Html, html, trusted } from "./html.ts";

type Ring = readonly (readonly number[])[];

/** GeoJSON in longitude and latitude. */
export type MapGeometry =
  | { type: "Polygon"; coordinates: readonly Ring[] }
  | { type: "MultiPolygon"; coordinates: readonly (readonly Ring[])[] };

/** Quarter degrees, as the land is drawn. */
const unit = 4;

/** Where on earth: the footprint, and a ring around it where it is too small to see. Plate carrée. */
export function worldMap({
  geometry,
  location,
}: {
  geometry?: MapGeometry;
  location: { longitude: number; latitude: number };
}): Html {
  const rings =
    geometry === undefined ? [] : geometry.type === "Polygon" ? geometry.coordinates : geometry.coordinates.flat();
  const path = rings.map((ring) => `M${ring.map(point).join("L")}Z`).join("");
  const [x, y] = [unit * location.longitude, -unit * location.latitude];
  const tiny = !rings.some((ring) => extent(ring, 0) > 6 || extent(ring, 1) > 6);
  return html`<svg viewBox="-720 -340 1440 620" role="img" aria-label="World map with the place marked">
${[-120, -60, 0, 60, 120].map((lon) => html`<line x1="${unit * lon}" x2="${unit * lon}" y1="-360" y2="360" stroke="var(--line)" stroke-width="1.5"/>`)}
${[-60, -30, 0, 30, 60].map((lat) => html`<line x1="-720" x2="720" y1="${-unit * lat}" y2="${-unit * lat}" stroke="var(--line)" stroke-width="1.5"/>`)}
<path d="${trusted(landPath)}" fill="var(--land)" fill-rule="evenodd"/>
<path d="${path}" fill="var(--accent)" fill-opacity=".16" stroke="var(--accent)" stroke-width="3" stroke-linejoin="round"/>
${tiny && html`<circle cx="${x.toFixed(1)}" cy="${y.toFixed(1)}" r="22" fill="none" stroke="var(--accent)" stroke-width="4"/><circle cx="${x.toFixed(1)}" cy="${y.toFixed(1)}" r="6" fill="var(--accent)"/>`}
</svg>
`;
}

function point([longitude, latitude]: readonly number[]): string {
  return `${(unit * longitude!).toFixed(2)} ${(-unit * latitude!).toFixed(2)}`;
}

function extent(ring: Ring, axis: number): number {
  const values = ring.map((position) => position[axis]!);
  return Math.max(...values) - Math.min(...values);
}
