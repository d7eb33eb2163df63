import {
  type Activity,
  executeInvoiceProcess,
  type Order,
} from '../../2-embedded-postgres/invoice-process.js';

const CITIES = ['Oslo', 'Łódź', 'São Paulo', "L'Aquila", 'Tórshavn'];
const ARTICLES = ['valve', 'pump', 'gasket', 'filter'];
/** Instances from here on have an e-mail address: the form has asked for it since then. */
const EMAIL_SINCE = 0.4;

/** Executes the BPMN process for one order. Every twelfth waits for an approval. */
export function executeOrder(number: number, options: { readonly isApproved: boolean }): Promise<Activity[]> {
  return executeInvoiceProcess(orderOf(number), options.isApproved);
}

/** It is shipped for free, and nobody is asked. The engine must not be stopped after its end. */
export function isUnderWarranty(number: number): boolean {
  return number % 10 === 0;
}

export function isApprovedAtOnce(number: number): boolean {
  return number % 12 !== 5;
}

/**
 * Makes another order of executed activities, as the engine would have written it. So a few hundred executions are enough for
 * thousands of instances.
 */
export function varyOrder(activities: readonly Activity[], number: number, age: number): Activity[] {
  const { customer, lines } = orderOf(number);
  return activities.map((activity) => {
    const data = JSON.parse(activity.data) as Record<string, unknown> & { invoice?: object };
    const total = lines.reduce((sum, { quantity, price }) => sum + quantity * price, 0);
    const varied = {
      ...data,
      customer: {
        ...customer,
        ...(age >= EMAIL_SINCE && { email: `${customer.id.toLowerCase()}@example.org` }),
      },
      lines,
      ...(data.invoice && { invoice: { ...data.invoice, number: invoiceNumber(number), total } }),
    };
    return { ...activity, data: JSON.stringify(varied) };
  });
}

function invoiceNumber(number: number): string {
  return `INV-2024-${String(number).padStart(4, '0')}`;
}

function orderOf(number: number): Order {
  const line = (index: number) => ({
    article: ARTICLES[(number + index) % ARTICLES.length] ?? '',
    quantity: 1 + (index % 3),
    price: 10 + (number % 90),
  });
  return {
    number,
    customer: { id: `C-${100 + (number % 40)}`, address: { city: CITIES[number % CITIES.length] ?? '' } },
    lines: Array.from({ length: 1 + (number % 3) }, (_, index) => line(index)),
    isWarranty: isUnderWarranty(number),
  };
}
