/** `a.b[0]` → `{a,b,0}`, for paths as simple as those of the bench. */
export function splitPath(path: string | readonly string[]): readonly string[] {
  return typeof path === 'string' ? path.split(/[.[\]]+/).filter(Boolean) : path;
}
