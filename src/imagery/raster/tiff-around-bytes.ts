/** A one-strip grey 8-bit TIFF around compressed bytes, for a decoder that wants a file. */
export function tiffAroundBytes(
  packed: Uint8Array,
  { width, height, compression }: { width: number; height: number; compression: number },
): Uint8Array {
  const entries: [tag: number, value: number][] = [
    [256, width],
    [257, height],
    [258, 8],
    [259, compression],
    [262, 1],
    [273, 0], // set below
    [277, 1],
    [278, height],
    [279, packed.length],
  ];
  const start = 8 + 2 + entries.length * 12 + 4;
  entries[5]![1] = start;
  const out = new Uint8Array(start + packed.length);
  const view = new DataView(out.buffer);
  view.setUint32(0, 0x002a4949, true); // "II", 42
  view.setUint32(4, 8, true);
  view.setUint16(8, entries.length, true);
  entries.forEach(([tag, value], i) => {
    const at = 10 + i * 12;
    view.setUint16(at, tag, true);
    view.setUint16(at + 2, 4, true);
    view.setUint32(at + 4, 1, true);
    view.setUint32(at + 8, value, true);
  });
  out.set(packed, start);
  return out;
}
