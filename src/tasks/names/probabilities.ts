/**
 * Scores of one item as probabilities: adding up to one, or of several classes an item each by itself.
 * @param scores  [classes]
 */
export function probabilitiesOf(scores: Float32Array, { multiLabel }: { multiLabel: boolean }): Float32Array {
  if (multiLabel) return scores.map((x) => 1 / (1 + Math.exp(-x)));
  const top = Math.max(...scores);
  const powers = scores.map((x) => Math.exp(x - top));
  const total = powers.reduce((a, b) => a + b, 0);
  return powers.map((x) => x / total);
}
