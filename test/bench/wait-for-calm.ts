import { cpus } from 'node:os';
import { setTimeout } from 'node:timers/promises';

const SAMPLE_MS = 500;
const CALM = 0.1;

/** Until other processes leave the processors idle, or for as long as that. */
export async function waitForCalm(patienceMs: number): Promise<void> {
  const until = performance.now() + patienceMs;
  while (performance.now() < until) {
    const before = busyAndAll();
    await setTimeout(SAMPLE_MS);
    const after = busyAndAll();
    if ((after.busy - before.busy) / (after.all - before.all) < CALM) return;
  }
}

function busyAndAll(): { readonly busy: number; readonly all: number } {
  const times = cpus().map((cpu) => cpu.times);
  const all = times.reduce((sum, { user, nice, sys, idle, irq }) => sum + user + nice + sys + idle + irq, 0);
  return { all, busy: all - times.reduce((sum, { idle }) => sum + idle, 0) };
}
