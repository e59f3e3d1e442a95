import fc from "fast-check";
import { expect, test } from "vitest";
import { inverseOrder, windowLayout } from "./windows.ts";

const options = fc
  .record({
    height: fc.integer({ min: 1, max: 14 }),
    width: fc.integer({ min: 1, max: 14 }),
    window: fc.integer({ min: 2, max: 5 }),
  })
  .chain((o) => fc.record({ ...mapValues(o), shift: fc.constantFrom(0, Math.floor(o.window / 2)) }));

function mapValues(o: { height: number; width: number; window: number }) {
  return { height: fc.constant(o.height), width: fc.constant(o.width), window: fc.constant(o.window) };
}

/** Pad, roll and cut a map of cell numbers, one step after the other as the specification words them (§1.5). */
function cutByHand({
  height,
  width,
  window,
  shift,
}: {
  height: number;
  width: number;
  window: number;
  shift: number;
}) {
  const up = (n: number) => Math.ceil(n / window) * window;
  let map = Array.from({ length: up(height) }, (_, r) =>
    Array.from({ length: up(width) }, (_, c) => (r < height && c < width ? r * width + c : -1)),
  );
  for (let i = 0; i < shift; i++) {
    map = [...map.slice(1), map[0]!]; // one row upwards
    map = map.map(([first, ...rest]) => [...rest, first!]); // one column to the left
  }
  const windows: number[][] = [];
  for (let r = 0; r < map.length; r += window) {
    for (let c = 0; c < map[0]!.length; c += window) {
      windows.push(map.slice(r, r + window).flatMap((row) => row.slice(c, c + window)));
    }
  }
  return windows;
}

test("windowLayout: holds the cells as padding, rolling and cutting one after the other leave them", () => {
  fc.assert(
    fc.property(options, (o) => {
      const windows = cutByHand(o);
      const layout = windowLayout(o);
      expect(layout.count).toBe(windows.length);
      expect([...layout.cells]).toEqual(windows.flat());
      expect(layout.padded).toBe(windows.flat().includes(-1));
    }),
  );
});

test("windowLayout: a mask keeps apart exactly what the roll brought together", () => {
  fc.assert(
    fc.property(options, ({ shift: _, ...o }) => {
      const shift = Math.floor(o.window / 2);
      const { mask, count } = windowLayout({ ...o, shift });
      // Before the roll, tokens of one window lie in one stretch of `window` rows and columns unless they wrapped.
      const rows = Math.ceil(o.height / o.window) * o.window;
      const columns = Math.ceil(o.width / o.window) * o.window;
      const size = o.window ** 2;
      let wrong = 0;
      for (let w = 0; w < count; w++) {
        const place = (token: number) => {
          const r = Math.floor(w / (columns / o.window)) * o.window + Math.floor(token / o.window);
          const c = (w % (columns / o.window)) * o.window + (token % o.window);
          return [r + shift >= rows, c + shift >= columns].join();
        };
        for (let i = 0; i < size; i++) {
          for (let j = 0; j < size; j++) {
            const expected = place(i) === place(j) ? 0 : -100;
            if (mask!.patterns[mask!.patternOf[w]!]![i * size + j] !== expected) wrong++;
          }
        }
      }
      expect(wrong).toBe(0);
    }),
  );
});

test("windowLayout: without a shift there is no mask", () => {
  expect(windowLayout({ height: 5, width: 8, window: 4, shift: 0 }).mask).toBeUndefined();
});

test("inverseOrder: says for every cell of the map where it is", () => {
  fc.assert(
    fc.property(options, (o) => {
      const { cells } = windowLayout(o);
      const inverse = inverseOrder(cells, o.height * o.width);
      expect([...inverse].map((place) => cells[place])).toEqual(
        Array.from({ length: o.height * o.width }, (_, k) => k),
      );
    }),
  );
});
