/**
 * Gaussian blur of [planes, height, width] in place. The kernel reaches three standard deviations; edges are repeated.
 *
 * @param sigma  standard deviation in pixels; 0 changes nothing
 */
export function blur(
  image: Float32Array,
  { height, width, sigma }: { height: number; width: number; sigma: number },
): void {
  const radius = Math.ceil(3 * sigma);
  if (radius === 0) return;
  const kernel = gaussian(sigma, radius);
  const padded = new Float32Array(Math.max(height, width) + 2 * radius);
  const rows = new Float32Array(height * width);
  for (let at = 0; at < image.length; at += height * width) {
    for (let y = 0; y < height; y++) {
      const from = at + y * width;
      padded.fill(image[from]!, 0, radius);
      padded.set(image.subarray(from, from + width), radius);
      padded.fill(image[from + width - 1]!, radius + width, 2 * radius + width);
      for (let x = 0; x < width; x++) {
        let sum = 0;
        for (let k = 0; k <= 2 * radius; k++) sum += kernel[k]! * padded[x + k]!;
        rows[y * width + x] = sum;
      }
    }
    // Down the columns row by row: neighbours in memory are neighbours in the loop.
    image.fill(0, at, at + height * width);
    for (let y = 0; y < height; y++) {
      for (let k = -radius; k <= radius; k++) {
        const weight = kernel[k + radius]!;
        const from = Math.min(Math.max(y + k, 0), height - 1) * width;
        const to = at + y * width;
        for (let x = 0; x < width; x++) image[to + x]! += weight * rows[from + x]!;
      }
    }
  }
}

function gaussian(sigma: number, radius: number): Float32Array {
  const kernel = Float32Array.from({ length: 2 * radius + 1 }, (_, k) =>
    Math.exp(-0.5 * ((k - radius) / sigma) ** 2),
  );
  const sum = kernel.reduce((a, b) => a + b);
  return kernel.map((weight) => weight / sum);
}
