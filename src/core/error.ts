/** What an error carries: see {@link SkySenseError}. */
export interface ErrorParts {
  /** Stable, upper case with underscores: a service maps it to a status, the command line to an exit code. */
  code: string;
  /** What is wrong: the value that came and what was expected. No full stop at the end. */
  what: string;
  /** File, band, tensor or line. */
  where?: string;
  /** What the reader can do, as a sentence with its full stop. */
  remedy?: string;
  cause?: unknown;
}

/**
 * An error that its reader can act on: "what (where). Remedy."
 *
 * Every error caused from outside (files, options, network) is of this class; anything else is a bug of ours.
 */
export class SkySenseError extends Error {
  override readonly name = "SkySenseError";
  readonly code: string;
  readonly what: string;
  readonly where: string | undefined;
  readonly remedy: string | undefined;

  constructor({ code, what, where, remedy, cause }: ErrorParts) {
    super(`${what}${where === undefined ? "" : ` (${where})`}.${remedy === undefined ? "" : ` ${remedy}`}`, {
      cause,
    });
    this.code = code;
    this.what = what;
    this.where = where;
    this.remedy = remedy;
  }
}

/** A broken assumption of ours, never the user's fault: the message starts with "internal:". */
export function bug(what: string): Error {
  return new Error(`internal: ${what}`);
}
