import type { ValueWrite } from './value-write.js';

/**
 * Parts of a batch that each fit into a statement. MariaDB breaks the connection at one above `max_allowed_packet`, and
 * what looks like a lost connection would be tried again and again.
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

/** Below the 16 MB that MariaDB takes by default; MySQL takes 64. */
const PACKET_BYTES = 15_000_000;

/** At most, escaped as JSON and in SQL. */
const CHARACTER_BYTES = 7;
const ROW_BYTES = 100;
