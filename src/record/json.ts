/** A JSON value: what state files and event lines are made of. */
export type Json = string | number | boolean | null | Json[] | { [key: string]: Json };

/** An object of unknown content, as JSON.parse returns it. */
export type JsonObject = { readonly [key: string]: unknown };

/** True of an object that is neither null nor an array. */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** JSON.parse that answers null instead of throwing; a document that is `null` itself counts as no answer. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
