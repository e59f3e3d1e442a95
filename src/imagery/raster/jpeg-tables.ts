/**
 * A JPEG that stands alone, from a TIFF block and the tables that the blocks share. A marker says whether the colours
 * are YCbCr or RGB: without it decoders guess from component numbers, and guess wrong for RGB.
 *
 * @param tables Tag JPEGTables: SOI, tables, EOI.
 * @see TIFF Technical Note 2 (1995); Adobe Technical Note 5116, marker APP14
 */
export function withTables(
  block: Uint8Array,
  tables: Uint8Array | undefined,
  { ycbcr }: { ycbcr: boolean },
): Uint8Array {
  if (block[0] !== 0xff || block[1] !== 0xd8) throw new Error("a JPEG block does not begin as one");
  const inner = tables && tables.length > 4 ? tables.subarray(2, tables.length - 2) : new Uint8Array(0);
  const adobe = [0xff, 0xee, 0, 14, 0x41, 0x64, 0x6f, 0x62, 0x65, 0, 100, 0, 0, 0, 0, ycbcr ? 1 : 0];
  const out = new Uint8Array(2 + adobe.length + inner.length + block.length - 2);
  out.set([0xff, 0xd8, ...adobe]);
  out.set(inner, 2 + adobe.length);
  out.set(block.subarray(2), 2 + adobe.length + inner.length);
  return out;
}

/**
 * Size and components that a JPEG's frame header claims.
 *
 * @throws Error when there is no frame, or the data do not end as a JPEG does
 * @see ITU-T T.81, annex B
 */
export function jpegFrame(bytes: Uint8Array): { width: number; height: number; components: number } {
  let end = bytes.length;
  while (end > 2 && bytes[end - 1] === 0) end--; // some writers pad blocks
  if (bytes[end - 2] !== 0xff || bytes[end - 1] !== 0xd9) throw new Error("a JPEG block is cut off");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 2; at + 10 < bytes.length; ) {
    const marker = view.getUint16(at);
    // SOF0 to SOF15, without the tables DHT, JPG and DAC among them.
    if (marker >= 0xffc0 && marker <= 0xffcf && marker !== 0xffc4 && marker !== 0xffc8 && marker !== 0xffcc) {
      return { height: view.getUint16(at + 5), width: view.getUint16(at + 7), components: view.getUint8(at + 9) };
    }
    at += 2 + view.getUint16(at + 2);
  }
  throw new Error("a JPEG block has no frame");
}
