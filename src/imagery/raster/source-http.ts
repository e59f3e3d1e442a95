import { SkySenseError } from "../../core/error.ts";
import { tooLarge } from "./errors.ts";
import { type ByteRange, type ByteSource, checkRanges, memorySource } from "./source.ts";

const headBytes = 1 << 16;
/** Ranges closer than this are fetched in one request: a round trip costs more than these bytes. */
const gapBytes = 1 << 14;
const maxRequestBytes = 1 << 25;
const maxWholeFile = 1 << 28;
const timeoutMs = 60_000;
const attempts = 3;

/**
 * Open a URL for random access by HTTP range requests. The first request fetches the first 64 KiB, which hold the
 * directories of a cloud-optimised GeoTIFF, so opening one costs one request; neighbouring ranges are joined.
 *
 * @throws SkySenseError `HTTP_FAILED` | `RASTER_TOO_LARGE` (a server without ranges and a file of more than 256 MiB)
 */
export async function httpSource(url: string, { signal }: { signal?: AbortSignal } = {}): Promise<ByteSource> {
  const first = await request(url, { offset: 0, length: headBytes }, signal);
  const head = new Uint8Array(await body(url, first, Math.max(headBytes, first.status === 206 ? 0 : maxWholeFile)));
  if (first.status !== 206) return memorySource(url, head);
  const size = totalSize(url, first);
  const source = { path: url, size };

  async function fetchRange(range: ByteRange, signal: AbortSignal | undefined): Promise<Uint8Array> {
    const response = await request(url, range, signal);
    const bytes = new Uint8Array(await body(url, response, range.length));
    if (response.status !== 206 || bytes.length !== range.length || totalSize(url, response) !== size) {
      throw failed(url, "the server's answer does not fit the range that was asked for, or the file changed");
    }
    return bytes;
  }

  return {
    ...source,
    async read(ranges, signal) {
      checkRanges(source, ranges);
      const out = new Array<Uint8Array>(ranges.length);
      const groups = join(
        ranges.flatMap(({ offset, length }, i) => {
          if (offset + length <= head.length) {
            out[i] = head.subarray(offset, offset + length);
            return [];
          }
          return [{ offset, length, i }];
        }),
      );
      await Promise.all(
        groups.map(async (group) => {
          const bytes = await fetchRange(group, signal);
          for (const { offset, length, i } of group.members) {
            out[i] = bytes.subarray(offset - group.offset, offset - group.offset + length);
          }
        }),
      );
      return out;
    },
    async close() {},
  };
}

interface Member extends ByteRange {
  i: number;
}

function join(ranges: Member[]): (ByteRange & { members: Member[] })[] {
  const groups: (ByteRange & { members: Member[] })[] = [];
  for (const range of ranges.sort((a, b) => a.offset - b.offset)) {
    const last = groups.at(-1);
    const end = range.offset + range.length;
    if (
      last &&
      range.offset <= last.offset + last.length + gapBytes &&
      Math.max(end - last.offset, last.length) <= maxRequestBytes
    ) {
      last.length = Math.max(last.length, end - last.offset);
      last.members.push(range);
    } else {
      groups.push({ offset: range.offset, length: range.length, members: [range] });
    }
  }
  return groups;
}

async function request(
  url: string,
  { offset, length }: ByteRange,
  signal: AbortSignal | undefined,
): Promise<Response> {
  for (let attempt = 1; ; attempt++) {
    signal?.throwIfAborted();
    let problem: SkySenseError;
    try {
      const timeout = AbortSignal.timeout(timeoutMs);
      const response = await fetch(url, {
        headers: { Range: `bytes=${offset}-${offset + length - 1}`, "Accept-Encoding": "identity" },
        signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
      });
      if (response.ok) return response;
      await response.body?.cancel();
      problem = failed(url, `the server answers ${response.status} ${response.statusText}`.trim());
      if (response.status < 500 && response.status !== 429) throw problem;
    } catch (cause) {
      if (cause instanceof SkySenseError) throw cause;
      signal?.throwIfAborted();
      problem = failed(url, "the server cannot be reached", cause);
    }
    if (attempt === attempts) throw problem;
    await new Promise((wake) => setTimeout(wake, 200 * 4 ** (attempt - 1)));
  }
}

/** The body, never more than `limit` bytes of it in memory: a server may answer more than was asked for. */
async function body(url: string, response: Response, limit: number): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let length = 0;
  try {
    for await (const part of response.body ?? []) {
      length += part.length;
      if (length > limit) {
        throw tooLarge(
          url,
          `the server sends more than the ${limit} bytes asked for`,
          "Use a server that supports range requests, or download the file.",
        );
      }
      parts.push(part);
    }
  } catch (cause) {
    if (cause instanceof SkySenseError || (cause as Error).name === "AbortError") throw cause;
    throw failed(url, "the connection broke while reading", cause);
  }
  const out = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

function totalSize(url: string, response: Response): number {
  const total = /\/(\d+)$/.exec(response.headers.get("content-range") ?? "")?.[1];
  if (total === undefined) throw failed(url, "the server does not say how long the file is");
  return Number(total);
}

function failed(url: string, what: string, cause?: unknown): SkySenseError {
  return new SkySenseError({
    code: "HTTP_FAILED",
    what,
    where: url,
    remedy: "Check the address and the network, or download the file.",
    cause,
  });
}
