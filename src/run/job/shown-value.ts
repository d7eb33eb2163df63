import { formatMetadataValue } from '../../extraction/format-metadata-value.js';
import { type JsonValue, toJsonValue } from '../../extraction/json-value.js';

/** The value, or the beginning of its text and an ellipsis if that is longer. */
export function shownValue(value: unknown, maxLength: number): JsonValue {
  try {
    const json = toJsonValue(value, { exact: true, shares: true });
    if (json === null) return null;
    const { text, truncated } = formatMetadataValue(json, { maxLength });
    return truncated ? `${text}…` : json;
  } catch {
    return null; // no JSON: a repository does not store such a value
  }
}
