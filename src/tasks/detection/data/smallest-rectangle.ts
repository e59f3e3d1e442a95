/**
 * The rectangle of least area around points [x, y, …]: one of its sides lies along a side of their convex hull (Freeman
 * and Shapira 1975).
 * @returns its corners in order around it, eight numbers
 */
export function smallestRectangle(points: ArrayLike<number>): number[] {
  const hull = convexHull(points);
  let best: { area: number; corners: number[] } | undefined;
  for (const [i, [x, y]] of hull.entries()) {
    const [u, v] = hull[(i + 1) % hull.length]!;
    const length = Math.hypot(u - x, v - y);
    if (length === 0) continue;
    const [dx, dy] = [(u - x) / length, (v - y) / length];
    const along = hull.map(([px, py]) => (px - x) * dx + (py - y) * dy);
    const across = hull.map(([px, py]) => (py - y) * dx - (px - x) * dy);
    const [a1, a2, b1, b2] = [Math.min(...along), Math.max(...along), Math.min(...across), Math.max(...across)];
    const area = (a2 - a1) * (b2 - b1);
    if (best !== undefined && best.area <= area) continue;
    const corner = (a: number, b: number) => [x + a * dx - b * dy, y + a * dy + b * dx];
    best = { area, corners: [corner(a1, b1), corner(a2, b1), corner(a2, b2), corner(a1, b2)].flat() };
  }
  const [x, y] = hull[0] ?? [Number.NaN, Number.NaN];
  return best?.corners ?? [x, y, x, y, x, y, x, y];
}

type Point = readonly [x: number, y: number];

/** Corners in order around it (Andrew 1979). */
function convexHull(points: ArrayLike<number>): Point[] {
  const sorted = Array.from(
    { length: points.length / 2 },
    (_, i): Point => [points[2 * i]!, points[2 * i + 1]!],
  ).sort((a, b) => a[0] - b[0] || a[1] - b[1]);
  const half = (from: readonly Point[]) => {
    const chain: Point[] = [];
    for (const point of from) {
      while (chain.length >= 2 && turn(chain.at(-2)!, chain.at(-1)!, point) <= 0) chain.pop();
      chain.push(point);
    }
    return chain.slice(0, -1);
  };
  const hull = [...half(sorted), ...half(sorted.toReversed())];
  return hull.length > 0 ? hull : sorted.slice(0, 1);
}

function turn([x, y]: Point, [u, v]: Point, [p, q]: Point): number {
  return (u - x) * (q - y) - (v - y) * (p - x);
}
