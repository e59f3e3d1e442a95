/** What the GDAL_METADATA tag of a TIFF holds. */
export interface GdalMetadata {
  dataset: Record<string, string>;
  bands: GdalBandMetadata[];
}

export interface GdalBandMetadata {
  description?: string;
  scale?: number;
  offset?: number;
  unit?: string;
  colour?: string;
  items: Record<string, string>;
}

/**
 * Parse the XML of TIFF tag 42112. Items of other domains than the default one are left out.
 *
 * @see GDAL, GTiff driver: "GDAL_METADATA (42112)"
 */
export function parseGdalMetadata(xml: string | undefined, bandCount: number): GdalMetadata {
  const bands: GdalBandMetadata[] = Array.from({ length: bandCount }, () => ({ items: {} }));
  const dataset: Record<string, string> = {};
  for (const [, head, body] of (xml ?? "").matchAll(/<Item\s([^>]*[^/>])>([^<]*)<\/Item>/g)) {
    const attributes = Object.fromEntries(
      [...head!.matchAll(/(\w+)="([^"]*)"/g)].map(([, name, value]) => [name!, unescapeXml(value!)]),
    ) as Record<string, string | undefined>;
    const { name, sample, role, domain } = attributes;
    if (name === undefined || (domain !== undefined && domain !== "")) continue;
    const value = unescapeXml(unescapeXml(body!)); // GDAL escapes values twice
    if (sample === undefined) {
      dataset[name] = value;
      continue;
    }
    const band = bands[Number(sample)];
    if (band === undefined) continue;
    if (role === "description") band.description = value;
    else if (role === "scale") band.scale = finite(value);
    else if (role === "offset") band.offset = finite(value);
    else if (role === "unittype") band.unit = value;
    else if (role === "colorinterp") band.colour = value.toLowerCase();
    else band.items[name] = value;
  }
  return { dataset, bands };
}

function finite(text: string): number | undefined {
  const value = Number(text);
  return text.trim() !== "" && Number.isFinite(value) ? value : undefined;
}

const entities: Record<string, string> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };

function unescapeXml(text: string): string {
  return text.replace(/&(?:#(\d+)|#x([\da-f]+)|(\w+));/gi, (whole, decimal, hex, name) => {
    if (name !== undefined) return entities[name] ?? whole;
    const point = decimal !== undefined ? Number(decimal) : Number.parseInt(hex, 16);
    return point <= 0x10ffff ? String.fromCodePoint(point) : whole;
  });
}
