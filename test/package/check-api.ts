import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Extractor, ExtractorConfig } from '@microsoft/api-extractor';

const CHECKOUT = fileURLToPath(new URL('../..', import.meta.url));
const REPORTS = 'test/package/api';

// npm run check:api: compares what the built entries declare with the reports that are committed
// npm run api: writes the reports
const { values } = parseArgs({ options: { write: { type: 'boolean', default: false } } });
const { exports } = JSON.parse(await readFile(join(CHECKOUT, 'package.json'), 'utf8'));

const changed: string[] = [];
for (const [entry, { types }] of Object.entries<{ types?: string }>(exports)) {
  if (types !== undefined && !isAsReported(reportOf(entry), types)) changed.push(entry);
}
if (changed.length > 0 && !values.write) {
  console.error(`\nThe public API of ${changed.join(', ')} differs from its report in ${REPORTS}.`);
  console.error('If that is meant: run "npm run api", and commit the report with the change.');
  process.exitCode = 1;
}

/** `./memory` → `memory.api.md` */
function reportOf(entry: string): string {
  return `${entry === '.' ? 'index' : entry.slice('./'.length)}.api.md`;
}

/** Prints the difference. With `--write`, makes the report fit. */
function isAsReported(reportFileName: string, types: string): boolean {
  const config = ExtractorConfig.prepare({
    packageJsonFullPath: join(CHECKOUT, 'package.json'),
    configObjectFullPath: undefined,
    configObject: {
      projectFolder: CHECKOUT,
      mainEntryPointFilePath: join(CHECKOUT, types),
      compiler: { tsconfigFilePath: join(CHECKOUT, 'tsconfig.json') },
      apiReport: {
        enabled: true,
        // Such as the tuning options, which the exported options extend.
        includeForgottenExports: true,
        reportFileName,
        reportFolder: join(CHECKOUT, REPORTS),
        reportTempFolder: join(CHECKOUT, '.build/api'),
      },
      newlineKind: 'lf',
      docModel: { enabled: false },
      dtsRollup: { enabled: false },
      tsdocMetadata: { enabled: false },
    },
  });
  const { apiReportChanged, errorCount } = Extractor.invoke(config, {
    localBuild: values.write,
    printApiReportDiff: true,
    messageCallback(message) {
      // What to do about it is said once, for all entries.
      message.handled = message.category === 'console';
      if (message.messageId === 'console-api-report-diff') console.error(message.text);
    },
  });
  return !apiReportChanged && errorCount === 0;
}
