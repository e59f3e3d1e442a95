/** Four significant digits, no exponent for everyday sizes, thousands apart: "12 480", "0.004213", "−3.2e−7". */
export function formatNumber(value: number): string {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? "–" : value > 0 ? "∞" : "−∞";
  const size = Math.abs(value);
  if (value !== 0 && (size >= 1e9 || size < 1e-4)) return minus(value.toExponential(2).replace("e+", "e"));
  const rounded = Number.isInteger(value) ? value : Number(value.toPrecision(4));
  const [whole, fraction] = String(rounded).split(".");
  const apart = whole!.replace(/\B(?=(\d{3})+$)/g, "\u202f");
  return minus(fraction === undefined ? apart : `${apart}.${fraction}`);
}

function minus(text: string): string {
  return text.replaceAll("-", "−");
}

/** "840 B", "12.4 MB": powers of ten, as disks are sold and file managers count. */
export function formatBytes(bytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  const step = bytes < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(bytes) / 3));
  return `${Number((bytes / 1000 ** step).toPrecision(3))} ${units[step]}`;
}

/** "0.42 s", "37 s", "4 min 05 s", "2 h 07 min". */
export function formatSeconds(seconds: number): string {
  if (seconds < 9.95) return `${Number(seconds.toPrecision(2))} s`;
  const whole = Math.round(seconds);
  const two = (value: number) => String(value).padStart(2, "0");
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${two(whole % 60)} s`;
  const minutes = Math.round(whole / 60);
  return `${Math.floor(minutes / 60)} h ${two(minutes % 60)} min`;
}

/** "51.234° N, 4.567° E". */
export function formatLocation({ longitude, latitude }: { longitude: number; latitude: number }): string {
  const side = (value: number, [positive, negative]: [string, string]) =>
    `${Math.abs(value).toFixed(3)}° ${value < 0 ? negative : positive}`;
  return `${side(latitude, ["N", "S"])}, ${side(longitude, ["E", "W"])}`;
}

/** "1 date", "118 dates", "1 204 dates". */
export function formatCount(count: number, noun: string): string {
  return `${formatNumber(count)} ${noun}${count === 1 ? "" : "s"}`;
}
