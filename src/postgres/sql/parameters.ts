/** The parameters of one statement, each text or null, because then no driver guesses a type. */
export interface Parameters {
  readonly values: readonly (string | null)[];
  /** Adds a value. @returns SQL for it, of the type `type`. */
  add(value: string | number | null, type: string): string;
  /** Adds a list. @returns SQL for it, an array that PostgreSQL parses once per statement. */
  addList(items: readonly (string | number | null)[], type: string): string;
}

export function parameters(): Parameters {
  const values: (string | null)[] = [];
  function add(value: string | number | null, type: string): string {
    values.push(value === null ? null : String(value));
    return type === 'text' ? `$${values.length}::text` : `$${values.length}::text::${type}`;
  }
  return {
    values,
    add,
    addList(items, type) {
      const literal = arrayLiteral(items);
      // PostgreSQL refuses a NUL and half of a surrogate pair in JSON. Elsewhere, another character would replace the half.
      // With `array_nulls = off`, null in an array literal is a text.
      const array =
        items.includes(null) || /[\0\p{Cs}]/u.test(literal)
          ? `array(select json_array_elements_text(${add(JSON.stringify(items), 'json')}))`
          : add(literal, `${type}[]`);
      // Without the subselect, it would be parsed again for each row. Without the second cast, `any` would take it for a query.
      return `(select ${array})::${type}[]`;
    },
  };
}

/** As PostgreSQL reads an array in a text. */
export function arrayLiteral(items: readonly (string | number | null)[]): string {
  return `{${items.map(elementOf).join(',')}}`;
}

function elementOf(item: string | number | null): string {
  if (item === null) return 'null';
  return typeof item === 'number' ? String(item) : `"${item.replace(/["\\]/g, '\\$&')}"`;
}
