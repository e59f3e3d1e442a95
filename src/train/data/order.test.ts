import fc from "fast-check";
import { expect, test } from "vitest";
import { sampleOrder, shareOf } from "./order.ts";

const take = (order: { at(position: number): number }, from: number, count: number) =>
  Array.from({ length: count }, (_, i) => order.at(from + i));

test("sampleOrder: every epoch holds every sample once, in an order of its own", () => {
  const order = sampleOrder({ count: 50, seed: 3, shuffle: true });
  const epochs = [0, 1, 2].map((epoch) => take(order, epoch * 50, 50));
  for (const epoch of epochs)
    expect(epoch.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 50 }, (_, i) => i));
  expect(new Set(epochs.map((epoch) => epoch.join())).size).toBe(3);
});

test("sampleOrder: a position is the same wherever the asking starts", () => {
  const whole = take(sampleOrder({ count: 7, seed: 1, shuffle: true }), 0, 100);
  const order = sampleOrder({ count: 7, seed: 1, shuffle: true });
  for (const position of [80, 3, 50, 99, 0]) expect(order.at(position)).toBe(whole[position]);
  expect(take(sampleOrder({ count: 7, seed: 2, shuffle: true }), 0, 100)).not.toEqual(whole);
});

test("sampleOrder: without shuffling the samples as they are", () => {
  expect(take(sampleOrder({ count: 3, seed: 1, shuffle: false }), 0, 5)).toEqual([0, 1, 2, 0, 1]);
});

test("shareOf: the parts of all ranks are the whole, one after the other, as even as possible", () => {
  fc.assert(
    fc.property(fc.nat(1000), fc.integer({ min: 1, max: 20 }), (length, size) => {
      const parts = Array.from({ length: size }, (_, rank) => shareOf(length, { rank, size }));
      expect(parts[0]![0]).toBe(0);
      expect(parts.at(-1)![1]).toBe(length);
      for (const [i, [from, to]] of parts.entries()) {
        if (i > 0) expect(from).toBe(parts[i - 1]![1]);
        expect(to - from === Math.floor(length / size) || to - from === Math.ceil(length / size)).toBe(true);
      }
    }),
  );
});
