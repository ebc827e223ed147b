// Calls of the admin API. The token is kept for this tab alone, and goes out in a header alone.

const KEPT_AS = "stream-gateway admin token";
const PATIENCE_MS = 15000;

// What a gateway says to players isn't what an operator wants to know.
const FOR_OPERATORS = {
  store_unavailable: "The store of sessions is away, so this can't be looked up or changed now.",
};

/** An answer that is no success, or none at all (status 0); its message is a sentence for people. */
export class Refusal extends Error {
  constructor(status, problem, retryAfter) {
    super(FOR_OPERATORS[problem.code] ?? problem.detail ?? problem.title ?? `The gateway answered with status ${status}.`);
    this.status = status;
    this.code = problem.code ?? "";
    this.reason = problem.reason ?? ""; // why a session has ended
    this.retryAfter = retryAfter;
  }
}

let onRefusedToken = () => {};

/** What is done where the gateway takes the token no longer. */
export function whenTokenIsRefused(callback) {
  onRefusedToken = callback;
}

export function token() {
  return sessionStorage.getItem(KEPT_AS);
}

export function keepToken(text) {
  sessionStorage.setItem(KEPT_AS, text);
}

export function forgetToken() {
  sessionStorage.removeItem(KEPT_AS);
}

/** "/admin/v1/families/a%2Fb" of "families", "a/b". */
export function path(...segments) {
  return ["/admin/v1", ...segments.map(encodeURIComponent)].join("/");
}

/** The path with those parameters that have a value. A space is %20: the gateway takes a + for a +. */
export function withQuery(where, parameters) {
  const given = Object.entries(parameters ?? {}).filter(([, value]) => value !== undefined && value !== null && value !== "");
  if (given.length === 0) return where;
  return `${where}?${given.map((pair) => pair.map(encodeURIComponent).join("=")).join("&")}`;
}

function sentence(text) {
  const whole = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?]$/.test(whole) ? whole : `${whole}.`;
}

/** The refusal that an answer is. */
export async function refusalOf(response) {
  let problem = {};
  try {
    problem = await response.json();
  } catch {
    // Somebody else's answer, a proxy's say: its status is all there is.
  }
  if (problem.detail) problem.detail = sentence(problem.detail);
  return new Refusal(response.status, problem, Number(response.headers.get("Retry-After")) || 0);
}

/** Opens an answer; rejects with a Refusal. The signal ends it, also while its body is read. */
export async function open(method, where, { body, headers, signal, as = token() } = {}) {
  let response;
  try {
    response = await fetch(where, {
      method,
      signal,
      body: body === undefined ? undefined : JSON.stringify(body),
      headers: {
        Authorization: `Bearer ${as ?? ""}`,
        ...(body === undefined ? {} : { "Content-Type": "application/json" }),
        ...headers,
      },
      cache: "no-store",
      credentials: "omit",
      redirect: "error",
    });
  } catch (error) {
    if (signal?.aborted && signal.reason?.name !== "TimeoutError") throw error;
    throw new Refusal(0, { detail: "The gateway doesn't answer. Is it running, and can this computer reach it?" }, 0);
  }
  if (response.ok) return response;
  const refusal = await refusalOf(response);
  // A token that is being tried is the sign-in's affair.
  if (refusal.status === 401 && as === token()) onRefusedToken(refusal);
  throw refusal;
}

/** Calls, and reads the answer: JSON, or null where it has no body. */
export async function call(method, where, options = {}) {
  const patience = AbortSignal.timeout(PATIENCE_MS);
  const signal = options.signal ? AbortSignal.any([options.signal, patience]) : patience;
  const response = await open(method, where, { ...options, signal });
  const text = await response.text();
  return text === "" ? null : JSON.parse(text);
}
