import { z } from 'zod';
import { InvalidInputError } from '../errors.js';
import { describe, expecting, parseInput } from '../input/parse-input.js';

/** Whether backfills are switched on, and what they need. */
export interface BackfillConfig {
  /** Whether requests start runs. */
  readonly enabled: boolean;
  /** Whether there is background processing. */
  readonly celeryEnabled: boolean;
  readonly celeryBrokerUrl: string;
}

const DEFAULT_PREFIX = 'SPIFFWORKFLOW_BACKEND_';

/**
 * Reads the configuration from environment variables; an empty value counts as unset.
 * @param options.prefix what the names of the variables begin with. @default 'SPIFFWORKFLOW_BACKEND_'
 * @throws {InvalidInputError} when an argument is wrong, when a boolean is neither `true` nor `false` (in any case), or when backfills are enabled
 *   without background processing.
 */
export function loadBackfillConfig(
  env: Readonly<Record<string, string | undefined>>,
  options: { readonly prefix?: string | undefined } = {},
): BackfillConfig {
  if (typeof env !== 'object' || env === null) {
    throw new InvalidInputError(
      `loadBackfillConfig: expected environment variables, such as process.env, got ${describe(env)}`,
    );
  }
  const { prefix = DEFAULT_PREFIX } = parseInput('loadBackfillConfig options', schema, options);
  const celeryName = `${prefix}CELERY_ENABLED`;
  const backfillName = `${prefix}PROCESS_INSTANCE_METADATA_BACKFILL_ENABLED`;
  const celeryEnabled = readBoolean(env, celeryName);
  const enabled = readBoolean(env, backfillName);
  if (enabled && !celeryEnabled) {
    throw new InvalidInputError(
      `${backfillName} is set to true but ${celeryName} is set to false. The metadata backfill feature requires Celery to be enabled.`,
    );
  }
  return {
    enabled,
    celeryEnabled,
    celeryBrokerUrl: env[`${prefix}CELERY_BROKER_URL`] || 'redis://localhost',
  };
}

const schema: z.ZodType<{ readonly prefix?: string | undefined }> = z.strictObject({
  prefix: expecting<string>('a text', (value) => typeof value === 'string').optional(),
});

function readBoolean(env: Readonly<Record<string, string | undefined>>, name: string): boolean {
  const text = (env[name] ?? '').toLowerCase();
  if (text !== '' && text !== 'true' && text !== 'false') {
    throw new InvalidInputError(`${name}: expected true or false, got ${JSON.stringify(env[name])}`);
  }
  return text === 'true';
}
