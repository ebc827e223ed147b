// Which view the address names: "#/family/a%2Fb?x=y" is the view "family" with its argument and parameters.

/** The address of a view. */
export function to(view, argument, parameters) {
  const query = new URLSearchParams(Object.entries(parameters ?? {}).filter(([, value]) => value)).toString();
  return `#/${view}${argument === undefined ? "" : `/${encodeURIComponent(argument)}`}${query ? `?${query}` : ""}`;
}

/** The view of an address. */
export function routeOf(hash) {
  const [path, query] = hash.replace(/^#\/?/, "").split("?", 2);
  const [view, argument] = path.split("/", 2);
  let name;
  try {
    name = argument === undefined ? undefined : decodeURIComponent(argument);
  } catch {
    name = argument;
  }
  return { view: view || "overview", argument: name, parameters: new URLSearchParams(query ?? "") };
}
