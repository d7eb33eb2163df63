import { diffExtractionPaths, extractMetadata } from 'process-metadata-backfill';

const before = [{ key: 'customer_id', path: 'customer.id' }];
const after = [
  { key: 'customer_id', path: 'customer.id' },
  { key: 'invoice_number', path: 'invoice.number' },
  { key: 'first_article', path: 'lines[0].article' },
  { key: 'discount', path: 'invoice.discount' },
];

const { added } = diffExtractionPaths(before, after);
console.log(
  'new:',
  added.map(({ key }) => key),
);

const taskData = {
  customer: { id: 'C-107' },
  invoice: { number: 'INV-2024-0007' },
  lines: [{ article: 'pump' }, { article: 'valve' }],
};
console.log('metadata:', extractMetadata(taskData, added));
