import type { MemoryInstance } from '../../src/memory/index.js';

export const MODEL = 'test_group/invoice_process';

export const PATHS = [{ key: 'invoice_number', path: 'invoice.number' }] as const;

/** An instance whose only completed task holds `data`. */
export function instance(
  id: number | string,
  data: unknown,
  rest: Partial<MemoryInstance> = {},
): MemoryInstance {
  return { id, processModelId: MODEL, tasks: [{ state: 'COMPLETED', endedAt: 1, data }], ...rest };
}

/** `count` instances with the invoice numbers INV-1, INV-2, … */
export function invoices(count: number): MemoryInstance[] {
  return Array.from({ length: count }, (_, index) =>
    instance(index + 1, { invoice: { number: `INV-${index + 1}` } }),
  );
}
