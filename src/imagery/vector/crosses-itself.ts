import type { Coordinates } from "./feature.ts";

type Edge = readonly [x1: number, y1: number, x2: number, y2: number];

/** Whether two edges of a polygon's rings cross, ends that touch not counted: such a polygon is not valid (OGC 06-103r4). */
export function crossesItself(rings: readonly Coordinates[]): boolean {
  const edges: Edge[] = rings
    .flatMap((ring) =>
      Array.from({ length: ring.length / 2 }, (_, i): Edge => {
        const [k, next] = [2 * i, (2 * i + 2) % ring.length];
        return [ring[k]!, ring[k + 1]!, ring[next]!, ring[next + 1]!];
      }),
    )
    .sort((a, b) => Math.min(a[0], a[2]) - Math.min(b[0], b[2]));
  for (const [i, edge] of edges.entries()) {
    const end = Math.max(edge[0], edge[2]);
    for (let j = i + 1; j < edges.length; j++) {
      const other = edges[j]!;
      if (Math.min(other[0], other[2]) > end) break;
      if (cross(edge, other)) return true;
    }
  }
  return false;
}

/** Each edge has the other's ends on its two sides. */
function cross(a: Edge, b: Edge): boolean {
  const side = ([x1, y1, x2, y2]: Edge, x: number, y: number) =>
    Math.sign((x2 - x1) * (y - y1) - (y2 - y1) * (x - x1));
  return side(a, b[0], b[1]) * side(a, b[2], b[3]) < 0 && side(b, a[0], a[1]) * side(b, a[2], a[3]) < 0;
}
