/** Keys and values that are data, whatever they look like. */
export const ODD_TEXTS: readonly string[] = [
  `it's "quoted" \\ and {braced}, (both)`,
  `'); drop table process_instance_metadata; --`,
  'größe 価格 🧾',
  '__proto__',
  'null',
  '$1 ? :name %s',
  `${'x'.repeat(254)}🧾`,
];
