import { type ErrorParts, SkySenseError } from "./error.ts";

/** An error on its way to another thread, where its class would be lost. */
export interface PackedError {
  parts?: ErrorParts;
  message: string;
  stack?: string | undefined;
}

export function packError(error: unknown): PackedError {
  const { message, stack } = error instanceof Error ? error : new Error(String(error));
  if (!(error instanceof SkySenseError)) return { message, stack };
  const { code, what, where, remedy, cause } = error;
  // A cause may hold anything, also what cannot be sent.
  const parts: ErrorParts = { code, what, cause: cause instanceof Error ? cause.message : undefined };
  if (where !== undefined) parts.where = where;
  if (remedy !== undefined) parts.remedy = remedy;
  return { parts, message, stack };
}

export function unpackError({ parts, message, stack }: PackedError): Error {
  const error = parts === undefined ? new Error(message) : new SkySenseError(parts);
  if (parts === undefined && stack !== undefined) error.stack = stack;
  return error;
}
