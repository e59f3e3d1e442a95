import type { Progress } from "../core/progress.ts";

/** Shows progress: one line that is rewritten on a terminal, a line every ten seconds elsewhere. */
export function progressLine(stream: NodeJS.WriteStream = process.stderr): {
  onProgress: (progress: Progress) => void;
  end: () => void;
} {
  const began = new Map<string, { at: number; done: number }>();
  let shown = 0;
  let open = false;
  return {
    onProgress(progress) {
      const now = performance.now();
      // A run that goes on begins in the middle: only what is done from here on has a speed.
      if (!began.has(progress.phase)) began.set(progress.phase, { at: now, done: progress.done });
      const complete = progress.done === progress.total;
      if (!complete && now - shown < (stream.isTTY ? 100 : 10_000)) return;
      shown = now;
      const first = began.get(progress.phase)!;
      const text = describe(progress, { seconds: (now - first.at) / 1000, since: first.done });
      if (stream.isTTY) stream.write(`\r\x1b[2K${text}`);
      else if (!complete) stream.write(`${text}\n`);
      open = Boolean(stream.isTTY);
    },
    end() {
      if (open) stream.write("\r\x1b[2K");
      open = false;
    },
  };
}

/** "embed 120/2714 windows, 8.1/s, 5 min left". */
export function describe(
  { phase, done, total, unit }: Progress,
  { seconds, since = 0 }: { seconds: number; since?: number },
): string {
  const rate = seconds > 0 ? (done - since) / seconds : 0;
  const parts = [`${phase} ${total === undefined ? done : `${done}/${total}`} ${unit}`];
  if (rate > 0) parts.push(`${rate.toPrecision(2)}/s`);
  if (rate > 0 && total !== undefined && done < total) parts.push(`${duration((total - done) / rate)} left`);
  return parts.join(", ");
}

/** "42 s", "5 min", "1 h 20 min". */
export function duration(seconds: number): string {
  if (seconds < 90) return `${seconds < 10 ? seconds.toFixed(1) : Math.round(seconds)} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 90 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
