import { compileLookup } from '../extraction/extract-metadata.js';
import type { ExtractionPath } from '../extraction/extraction-path.js';
import type { JsonValue } from '../extraction/json-value.js';
import { spellPath } from '../extraction/spell-path.js';
import { shown } from './inspect-instance.js';
import { compilePathCost, MOST_COST, type PathCost, type PathStep, stepsOf } from './path-cost.js';
import { walkDocument } from './walk-document.js';

/** An existing path that may have been meant, instead of a path that finds little. */
export interface PathSuggestion {
  /** To be used as the `path` of an extraction path. */
  readonly path: ExtractionPath['path'];
  /** The share, from 0 to 1, of the documents looked at (at most 50) in which it finds something. */
  readonly found: number;
  /** One of its values, cut to 200 characters. */
  readonly sample: JsonValue;
}

/** Compares the paths in documents with those that were asked for. */
export interface PathSuggester {
  look(document: unknown): void;
  /** For each path that was asked for, the best ones first. */
  suggestions(): PathSuggestion[][];
}

const MOST_SUGGESTIONS = 3;
/** How many paths get suggestions. Nobody corrects more at a time. */
const MOST_PATHS = 50;
/** The most comparisons of a value with a path, over all documents and paths. They take about a second. */
const MOST_COMPARISONS = 1_250_000;
/** The cost of a path that lacks the last name of the one asked for, and ends at a value without members. */
const TOO_LONG = 0.2;
/** The extra cost of a path that leads only to objects or lists: metadata are mostly texts and numbers. */
const CONTAINER = 0.1;

/**
 * @param asked the paths to find suggestions for. Only the first 50 get any.
 * @param mostDocuments how many documents there are to look at. With more documents and paths, fewer values of each document are compared.
 */
export function createPathSuggester(
  asked: readonly (readonly string[])[],
  mostDocuments: number,
): PathSuggester {
  const searches = asked.slice(0, MOST_PATHS).map((segments) => createSearch(segments));
  const mostValues = MOST_COMPARISONS / (mostDocuments * searches.length);
  let documents = 0;
  return {
    look(document) {
      documents += 1;
      for (const search of searches) search.begin(document);
      for (const { steps, value } of walkDocument(document, mostValues)) {
        if (value === null || value === undefined) continue;
        for (const search of searches) search.see(steps, value);
      }
    },
    suggestions: () => asked.map((_, index) => searches[index]?.best(documents) ?? []),
  };
}

interface Candidate {
  readonly segments: readonly string[];
  /** The lowest cost at which the path was seen. `sample` is the value seen then. */
  cost: number;
  sample: JsonValue;
  found: number;
}

function createSearch(segments: readonly string[]) {
  const asked = stepsOf(segments);
  const pathCost = compilePathCost(asked);
  const lookUp = compileLookup(segments);
  const candidates = new Map<string, Candidate>();
  /** Paths in the same document as the one that was asked for, so they are not misspellings of it. */
  const others = new Set<string>();
  let isThere = false;
  let found = 0;

  return {
    begin(document: unknown): void {
      isThere = exists(lookUp, document);
      if (isThere) found += 1;
    },
    see(steps: readonly PathStep[], value: unknown): void {
      const isContainer = typeof value === 'object';
      const nameCost = costOf(asked, steps, isContainer, pathCost);
      if (nameCost >= MOST_COST) return;
      const cost = nameCost + (isContainer ? CONTAINER : 0);
      const names = steps.map(({ segment }) => segment);
      const id = JSON.stringify(names);
      if (isThere) others.add(id);
      const known = candidates.get(id);
      if (known === undefined) candidates.set(id, { segments: names, cost, sample: shown(value), found: 1 });
      else {
        known.found += 1;
        if (cost < known.cost) Object.assign(known, { cost, sample: shown(value) });
      }
    },
    best(documents: number): PathSuggestion[] {
      const least = documents > 10 ? 2 : 1;
      const ranked = [...candidates]
        .filter(
          ([id, { cost, found: times }]) =>
            cost < MOST_COST && !others.has(id) && times >= Math.max(least, found + 1),
        )
        .map(([, candidate]) => candidate)
        .sort((a, b) => a.cost - b.cost || b.found - a.found || a.segments.length - b.segments.length);
      return firstOfEachShape(ranked)
        .slice(0, MOST_SUGGESTIONS)
        .map(({ segments: near, found: times, sample }) => {
          return { path: spellPath(near), found: times / documents, sample };
        });
    },
  };
}

function costOf(
  asked: readonly PathStep[],
  steps: readonly PathStep[],
  isContainer: boolean,
  pathCost: PathCost,
): number {
  const isSame = (step: PathStep, index: number): boolean => step.segment === asked[index]?.segment;
  if (steps.every(isSame)) {
    if (steps.length === asked.length) return 1; // the very path that was asked for
    const lacksLastName = steps.length === asked.length - 1 && !asked.at(-1)?.isIndex;
    if (lacksLastName && !isContainer) return TOO_LONG;
  }
  return pathCost(steps);
}

/** A path that leads to null is not misspelled. */
function exists(lookUp: (document: unknown) => unknown, document: unknown): boolean {
  try {
    return lookUp(document) !== undefined;
  } catch {
    return false;
  }
}

/** Of paths that differ only in their indices, the first one. */
function firstOfEachShape(candidates: readonly Candidate[]): Candidate[] {
  const shapes = new Set<string>();
  return candidates.filter(({ segments }) => {
    const shape = JSON.stringify(segments.map((segment) => (/^\d+$/.test(segment) ? 0 : segment)));
    if (shapes.has(shape)) return false;
    shapes.add(shape);
    return true;
  });
}
