import { describe, expect, test } from 'vitest';
import { InvalidInputError, loadBackfillConfig } from '../../src/index.js';

const CELERY = 'SPIFFWORKFLOW_BACKEND_CELERY_ENABLED';
const URL = 'SPIFFWORKFLOW_BACKEND_CELERY_BROKER_URL';
const BACKFILL = 'SPIFFWORKFLOW_BACKEND_PROCESS_INSTANCE_METADATA_BACKFILL_ENABLED';

describe('loadBackfillConfig', () => {
  test('has everything switched off by default', () => {
    expect(loadBackfillConfig({})).toEqual({
      enabled: false,
      celeryEnabled: false,
      celeryBrokerUrl: 'redis://localhost',
    });
  });

  const booleans = [undefined, '', 'true', 'TRUE', 'True', 'false', 'FALSE'];
  const urls = [undefined, '', 'redis://broker:6379'];
  const combinations = booleans.flatMap((backfill) =>
    booleans.flatMap((celery) => urls.map((url) => ({ backfill, celery, url }))),
  );
  const isTrue = (text: string | undefined) => text?.toLowerCase() === 'true';

  test.each(combinations)('backfill $backfill, celery $celery, broker $url', ({ backfill, celery, url }) => {
    const load = () => loadBackfillConfig({ [BACKFILL]: backfill, [CELERY]: celery, [URL]: url });

    if (isTrue(backfill) && !isTrue(celery)) {
      expect(load).toThrow(InvalidInputError);
      expect(load).toThrow(
        expect.objectContaining({
          message:
            'SPIFFWORKFLOW_BACKEND_PROCESS_INSTANCE_METADATA_BACKFILL_ENABLED is set to true but SPIFFWORKFLOW_BACKEND_CELERY_ENABLED is set to false. The metadata backfill feature requires Celery to be enabled.',
        }),
      );
    } else {
      expect(load()).toEqual({
        enabled: isTrue(backfill),
        celeryEnabled: isTrue(celery),
        celeryBrokerUrl: url || 'redis://localhost',
      });
    }
  });

  test.each([CELERY, BACKFILL])('names %s when it is neither true nor false', (name) => {
    expect(() => loadBackfillConfig({ [name]: 'yes' })).toThrow(`${name}: expected true or false, got "yes"`);
  });

  test.each<[unknown[], string]>([
    [[], 'loadBackfillConfig: expected environment variables, such as process.env, got nothing'],
    [[{}, 'A_'], 'loadBackfillConfig options: expected an object such as { prefix }, got "A_"'],
    [[{}, { prefx: 'A_' }], 'loadBackfillConfig options:\n- prefx: unknown name; did you mean prefix?'],
    [[{}, { prefix: 1 }], 'loadBackfillConfig options:\n- prefix: expected a text, got 1'],
  ])('refuses %j', (args, message) => {
    const load = () => Reflect.apply(loadBackfillConfig, undefined, args);
    expect(load).toThrow(new InvalidInputError(message));
  });

  test('reads the variables of another host under its prefix', () => {
    const config = loadBackfillConfig(
      { ACME_CELERY_ENABLED: 'true', ACME_PROCESS_INSTANCE_METADATA_BACKFILL_ENABLED: 'true' },
      { prefix: 'ACME_' },
    );

    expect(config).toMatchObject({ enabled: true, celeryEnabled: true });
  });
});
