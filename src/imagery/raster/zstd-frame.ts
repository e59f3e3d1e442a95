/**
 * The one ZSTD frame that a TIFF block is, with its decompressed size in the header.
 *
 * libtiff leaves the size out, and the decoder that we have then runs on for ever when the data are damaged; with a
 * size it checks all and allocates just that.
 *
 * @param size What the block must decompress to.
 * @throws Error when the data are no frame, or not exactly one, or promise another size
 * @see RFC 8878, section 3.1.1
 */
export function zstdFrameWithSize(data: Uint8Array, size: number): Uint8Array {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  if (view.getUint32(0, true) !== 0xfd2fb528) throw new Error("not a ZSTD frame");
  const descriptor = view.getUint8(4);
  const single = (descriptor >> 5) & 1;
  const sizeBytes = [single, 2, 4, 8][descriptor >> 6]!;
  if (descriptor & 0b1011) throw new Error("a ZSTD frame with a dictionary or reserved bits");
  const sizeAt = single ? 5 : 6;

  let end = sizeAt + sizeBytes;
  for (let last = false; !last; ) {
    const header = view.getUint16(end, true) | (view.getUint8(end + 2) << 16);
    const [type, length] = [(header >> 1) & 3, header >> 3];
    last = (header & 1) === 1;
    end += 3 + (type === 1 ? 1 : length);
  }
  if (descriptor & 4) end += 4; // checksum
  if (end !== data.length) throw new Error("the data do not end with the ZSTD frame");

  if (sizeBytes > 0) {
    const given = readSize(view, sizeAt, sizeBytes);
    if (given !== size) throw new Error(`a ZSTD frame of ${given} bytes where ${size} are due`);
    return data;
  }
  const out = new Uint8Array(data.length + 4);
  out.set(data.subarray(0, sizeAt));
  out[4] = descriptor | 0x80; // a size of 4 bytes follows the window
  new DataView(out.buffer).setUint32(sizeAt, size, true);
  out.set(data.subarray(sizeAt), sizeAt + 4);
  return out;
}

function readSize(view: DataView, at: number, bytes: number): number {
  if (bytes === 8) return Number(view.getBigUint64(at, true));
  if (bytes === 4) return view.getUint32(at, true);
  return bytes === 2 ? view.getUint16(at, true) + 256 : view.getUint8(at);
}
