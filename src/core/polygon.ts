/**
 * The part of a ring [x, y, x, y, …] where `side` is not negative (Sutherland and Hodgman 1974). Of points on the border
 * both sides agree, so what is cut along its own edge keeps its area.
 */
export function cutRing(ring: ArrayLike<number>, side: (x: number, y: number) => number): number[] {
  const kept: number[] = [];
  for (let k = 0; k < ring.length; k += 2) {
    const next = (k + 2) % ring.length;
    const [x, y, u, v] = [ring[k]!, ring[k + 1]!, ring[next]!, ring[next + 1]!];
    const [here, there] = [side(x, y), side(u, v)];
    if (here >= 0) kept.push(x, y);
    if (here >= 0 !== there >= 0) {
      const t = here / (here - there);
      kept.push(x + t * (u - x), y + t * (v - y));
    }
  }
  return kept;
}

/** Area of a ring (shoelace formula), around its first corner, so that far from the origin no digits are lost. */
export function ringArea(ring: ArrayLike<number>): number {
  let twice = 0;
  for (let k = 0; k < ring.length; k += 2) {
    const next = (k + 2) % ring.length;
    const [x, y] = [ring[k]! - ring[0]!, ring[k + 1]! - ring[1]!];
    const [u, v] = [ring[next]! - ring[0]!, ring[next + 1]! - ring[1]!];
    twice += x * v - u * y;
  }
  return Math.abs(twice) / 2;
}
