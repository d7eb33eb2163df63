import type { ValueWrite } from './value-write.js';

/**
 * Splits a batch into parts that each fit into a statement. MariaDB closes the connection when a statement exceeds
 * `max_allowed_packet`. That looks like a lost connection, so the library would retry it in vain.
 */
export function* inPackets<Write extends Pick<ValueWrite, 'key' | 'value'>>(
  writes: readonly Write[],
): Generator<readonly Write[]> {
  let part: Write[] = [];
  let bytes = 0;
  for (const write of writes) {
    const size = ROW_BYTES + CHARACTER_BYTES * (write.key.length + write.value.length);
    if (bytes + size > PACKET_BYTES && part.length > 0) {
      yield part;
      part = [];
      bytes = 0;
    }
    part.push(write);
    bytes += size;
  }
  if (part.length > 0) yield part;
}

/** Below the default of MariaDB, 16 MB. The default of MySQL is 64 MB. */
const PACKET_BYTES = 15_000_000;

/** An upper bound: the value is escaped in JSON and again in SQL. */
const CHARACTER_BYTES = 7;
const ROW_BYTES = 100;
