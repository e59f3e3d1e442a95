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

/** "−4.5662° to −4.5601°": as many decimals as give the width two digits. */
export function formatDegrees(low: number, high: number): string {
  const decimals = Math.min(7, Math.max(1, 1 - Math.floor(Math.log10(high - low || 1))));
  return [low, high].map((value) => `${minus(value.toFixed(decimals))}°`).join(" to ");
}

/** "51.2346° N, 4.5670° E". */
export function formatLocation({ longitude, latitude }: { longitude: number; latitude: number }): string {
  const side = (value: number, [positive, negative]: [string, string]) =>
    `${Math.abs(value).toFixed(4)}° ${value < 0 ? negative : positive}`;
  return `${side(latitude, ["N", "S"])}, ${side(longitude, ["E", "W"])}`;
}

/** "1 date", "118 dates", "1 204 dates". */
export function formatCount(count: number, noun: string): string {
  return `${formatNumber(count)} ${noun}${count === 1 ? "" : "s"}`;
}

/** "0.2 m", "9.43 m", "2.24 km", "40 000 km". */
export function formatDistance(metres: number): string {
  const [value, unit] = metres < 1000 ? [metres, "m"] : [metres / 1000, "km"];
  return `${formatNumber(Number(value.toPrecision(3)))} ${unit}`;
}

/** "date unknown", "5 dates, unknown", "118 dates", "2 of 3 dates". */
export function formatDates(dates: readonly (string | undefined)[]): string {
  const known = dates.filter((date) => Number.isFinite(Date.parse(date ?? ""))).length;
  if (known === dates.length) return formatCount(known, "date");
  if (known > 0) return `${known} of ${formatCount(dates.length, "date")}`;
  return dates.length === 1 ? "date unknown" : `${formatCount(dates.length, "date")}, unknown`;
}

/** "87.1 %" of a share from 0 to 1; "–" where there is none. */
export function formatPercent(share: number): string {
  if (Number.isNaN(share)) return "–";
  const tenths = Math.round(1000 * share) || 0; // no −0
  return `${minus((tenths / 10).toFixed(1))}\u00a0%`;
}

/** "81.0 % … 92.4 %". */
export function formatPercents({ low, high }: { low: number; high: number }): string {
  return Number.isNaN(low) ? "–" : `${formatPercent(low)} … ${formatPercent(high)}`;
}
