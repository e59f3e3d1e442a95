import { type ImageStack, type Place, type SensorName, sensorNames } from "../../core/place.ts";
import { type Picture, trueColour } from "../../report/picture.ts";

/** One image of a place, as it is shown for all of them. */
export interface Shown {
  picture: Picture;
  /** "S2 of 2018-05-06". */
  text: string;
}

/** The image of a place that shows most: of the first sensor, the date with the most pixels, of these the darkest. */
export function clearest(place: Place): Shown {
  const sensor = sensorNames.find((name) => place[name] !== undefined)!;
  const stack = place[sensor]!;
  const date = clearestDate(sensor, stack);
  const day = stack.dates?.[date]?.slice(0, 10);
  return {
    picture: trueColour(stack, { sensor, date }),
    text: `${sensor.toUpperCase()}${day === undefined ? "" : ` of ${day}`}`,
  };
}

/** Clouds are bright: of dates with as many valid pixels, the one whose first band is darkest on average. */
function clearestDate(sensor: SensorName, { shape, data, mask }: ImageStack): number {
  const [dates, bands, height, width] = shape;
  const plane = height * width;
  let best = { date: 0, valid: -1, mean: Number.POSITIVE_INFINITY };
  for (let date = 0; date < dates; date++) {
    let [valid, sum] = [0, 0];
    for (let p = 0; p < plane; p++) {
      if (mask?.[date * plane + p] === 0) continue;
      valid++;
      sum += data[date * bands * plane + p]!;
    }
    // A few pixels more or less do not decide.
    const filled = Math.round((10 * valid) / plane);
    const mean = sensor === "s2" ? sum / valid : 0;
    if (filled > best.valid || (filled === best.valid && mean < best.mean)) best = { date, valid: filled, mean };
  }
  return best.date;
}
