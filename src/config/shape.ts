import type { z } from 'zod';
import { nearestName } from './nearest.ts';
import { oneOf, type Path, type Problems, shown } from './problem.ts';

/** The part of a zod object schema that is needed to name its keys. */
interface ShapeSchema<T> {
  safeParse(value: unknown): z.ZodSafeParseResult<T>;
  readonly shape: Readonly<Record<string, unknown>>;
}

/**
 * Checks a value against an object schema. Null where it does not fit: each problem is then reported at its path
 * with what was found, what was expected, and the nearest known key.
 */
export function readShape<T>(
  schema: ShapeSchema<T>,
  value: unknown,
  path: Path,
  problems: Problems,
): T | null {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  for (const issue of result.error.issues) {
    const at = issue.path.map((step) => (typeof step === 'symbol' ? String(step) : step));
    if (issue.code === 'unrecognized_keys') {
      const known = keysOf(schema, at);
      for (const key of issue.keys)
        problems.add([...path, ...at, key], unknownKey(known), nearestName(key, known));
      continue;
    }
    const found = valueAt(value, at);
    const expected = `expected ${issue.message}`;
    const known = issue.code === 'invalid_value' ? issue.values.map(String) : [];
    problems.add(
      [...path, ...at],
      found === undefined ? `missing; ${expected}` : `found ${shown(found)}; ${expected}`,
      typeof found === 'string' ? nearestName(found, known) : undefined,
    );
  }
  return null;
}

function unknownKey(known: readonly string[]): string {
  return `unknown key; expected ${oneOf(known)}`;
}

/** The keys of the object at `path` within a schema; only settings are nested. */
function keysOf(schema: unknown, path: Path): string[] {
  let inner = schema;
  for (const key of path) inner = unwrapped(shapeOf(inner)?.[key]);
  return Object.keys(shapeOf(inner) ?? {});
}

function shapeOf(schema: unknown): Readonly<Record<string, unknown>> | undefined {
  return (schema as { shape?: Readonly<Record<string, unknown>> } | undefined)?.shape;
}

/** The schema behind defaults. */
function unwrapped(schema: unknown): unknown {
  const inner = schema as { unwrap?: () => unknown } | undefined;
  return typeof inner?.unwrap === 'function' ? unwrapped(inner.unwrap()) : schema;
}

/** The value at a path; undefined where there is none. Looks at own properties alone. */
function valueAt(value: unknown, path: Path): unknown {
  let inner = value;
  for (const step of path) {
    if (typeof inner !== 'object' || inner === null || !Object.hasOwn(inner, step)) return undefined;
    inner = (inner as Readonly<Record<string | number, unknown>>)[step];
  }
  return inner;
}
