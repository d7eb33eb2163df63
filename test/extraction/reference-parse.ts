/**
 * Parses JSON by the grammar of RFC 8259, one character after another, and shares no code or idea with the library. Integers
 * are what JavaScript writes with the same digits, or else strings.
 * @throws {SyntaxError} for anything else than JSON.
 */
export function referenceParse(text: string): unknown {
  let at = 0;
  const value = readValue();
  skipBlanks();
  if (at < text.length) fail();
  return value;

  function fail(): never {
    throw new SyntaxError(`not JSON at ${at}`);
  }

  function skipBlanks(): void {
    while (at < text.length && ' \t\n\r'.includes(text.charAt(at))) at += 1;
  }

  function take(expected: string): void {
    if (!text.startsWith(expected, at)) fail();
    at += expected.length;
  }

  function readValue(): unknown {
    skipBlanks();
    switch (text.charAt(at)) {
      case '{':
        return readObject();
      case '[':
        return readList();
      case '"':
        return readString();
      case 't':
        take('true');
        return true;
      case 'f':
        take('false');
        return false;
      case 'n':
        take('null');
        return null;
      default:
        return readNumber();
    }
  }

  function readObject(): unknown {
    const members = new Map<string, unknown>();
    take('{');
    skipBlanks();
    if (text.charAt(at) !== '}') {
      for (;;) {
        skipBlanks();
        const key = readString();
        skipBlanks();
        take(':');
        members.set(key, readValue());
        skipBlanks();
        if (text.charAt(at) === '}') break;
        take(',');
      }
    }
    take('}');
    return Object.fromEntries(members);
  }

  function readList(): unknown {
    const items: unknown[] = [];
    take('[');
    skipBlanks();
    if (text.charAt(at) !== ']') {
      for (;;) {
        items.push(readValue());
        skipBlanks();
        if (text.charAt(at) === ']') break;
        take(',');
      }
    }
    take(']');
    return items;
  }

  function readString(): string {
    take('"');
    let content = '';
    for (;;) {
      if (at >= text.length) fail();
      const character = text.charAt(at);
      at += 1;
      if (character === '"') return content;
      if (character < ' ') fail();
      content += character === '\\' ? readEscape() : character;
    }
  }

  function readEscape(): string {
    const letter = text.charAt(at);
    at += 1;
    if (letter === 'u') {
      const digits = text.slice(at, at + 4);
      if (!/^[\da-fA-F]{4}$/.test(digits)) fail();
      at += 4;
      return String.fromCharCode(Number.parseInt(digits, 16));
    }
    const position = '"\\/bfnrt'.indexOf(letter);
    if (letter === '' || position === -1) fail();
    return '"\\/\b\f\n\r\t'.charAt(position);
  }

  function readNumber(): number | string {
    const start = at;
    if (text.charAt(at) === '-') at += 1;
    if (text.charAt(at) === '0') at += 1;
    else readDigits();
    let isInteger = true;
    if (text.charAt(at) === '.') {
      isInteger = false;
      at += 1;
      readDigits();
    }
    if (text.charAt(at) === 'e' || text.charAt(at) === 'E') {
      isInteger = false;
      at += 1;
      if ('+-'.includes(text.charAt(at)) && at < text.length) at += 1;
      readDigits();
    }
    const literal = text.slice(start, at);
    const number = Number(literal);
    if (!isInteger || literal === '-0') return number;
    return JSON.stringify(number) === literal ? number : literal;
  }

  function readDigits(): void {
    const start = at;
    while (at < text.length && text.charAt(at) >= '0' && text.charAt(at) <= '9') at += 1;
    if (at === start) fail();
  }
}
