import { EventEmitter } from 'node:events';
import { readFile } from 'node:fs/promises';
import { Engine } from 'bpmn-engine';

export interface Order {
  readonly number: number;
  readonly customer: { readonly id: string; readonly address: { readonly city: string } };
  readonly lines: readonly { readonly article: string; readonly quantity: number; readonly price: number }[];
  /** Repaired for free. There is no invoice then. */
  readonly isWarranty: boolean;
}

/** One activity of an instance, with the data after it. */
export interface Activity {
  readonly state: 'COMPLETED' | 'READY';
  readonly data: string;
  readonly endInSeconds: number | null;
}

/** The part of what the engine passes to a listener that is used here. */
interface ActivityApi {
  readonly environment: { readonly output: unknown };
  signal(message: object): void;
}

const source = await readFile(new URL('invoice.bpmn', import.meta.url), 'utf8');

/** Executes `invoice.bpmn` for one order, until it ends or waits for an approval in a user task. */
export async function executeInvoiceProcess(order: Order, isApproved: boolean): Promise<Activity[]> {
  const activities: Activity[] = [];
  const record = (state: Activity['state'], { environment }: ActivityApi) => {
    const endInSeconds = state === 'COMPLETED' ? (performance.timeOrigin + performance.now()) / 1000 : null;
    activities.push({ state, data: JSON.stringify(environment.output), endInSeconds });
  };
  const listener = new EventEmitter()
    .on('activity.end', (activity: ActivityApi) => record('COMPLETED', activity))
    .on('activity.wait', (userTask: ActivityApi) =>
      isApproved ? userTask.signal({ approvedBy: 'Ada' }) : record('READY', userTask),
    );
  const engine = new Engine({ name: 'invoice_process', source, variables: { order } });
  await engine.execute({ listener });
  if (!isApproved) await engine.stop();
  return activities;
}
