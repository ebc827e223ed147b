// What the gateway's words mean: codes of refusals, types of events, states of the store; in sentences.

import { duration } from "./console_time.js";

/** Why a stream was refused, and what an operator can do about it. */
const REFUSALS = {
  family_limit: {
    title: "Family limit",
    why: "the family already had as many streams as it may",
    help: "End one of the family's streams, or raise its limit.",
  },
  device_limit: {
    title: "Device limit",
    why: "the device already had as many streams as it may",
    help: "End one of the device's streams, or raise the device limit of this family.",
  },
  rate_limited: {
    title: "Too many creates",
    why: "this user asked for more sessions in a minute than rate_limit.create allows",
    help: "It passes within a minute. If it doesn't, a player repeats its call too often.",
  },
  forbidden: {
    title: "Blocked",
    why: "an operator blocked the family or the device",
    help: "Lift the block on the family's or the device's page.",
  },
  missing_token: { title: "No token", why: "the player sent no token", help: "Look at how the player's address or header carries it." },
  invalid_token: {
    title: "Bad token",
    why: "the token is forged, or past its life",
    help: "Do all gateways have the same tokens.keys?",
  },
  unauthorized: {
    title: "Wrong credentials",
    why: "the caller's API key is missing or wrong",
    help: "Compare the caller's key with auth.api_keys.",
  },
  session_ended: { title: "Session ended", why: "the session has ended", help: "The player creates a new one by itself, if it may." },
  store_unavailable: { title: "Store away", why: "the store of sessions is away", help: "See the store's state on the overview." },
  shutting_down: { title: "Draining", why: "this gateway takes no new sessions", help: "Undo the drain under Gateway." },
  not_found: { title: "Not found", why: "there is nothing at the address asked for" },
  invalid_request: { title: "Bad request", why: "the request was not as it should be" },
  invalid_json: { title: "Bad JSON", why: "the body was no JSON" },
  payload_too_large: { title: "Too large", why: "the body was larger than the call takes" },
  method_not_allowed: { title: "Wrong method", why: "the path has other methods" },
  unsupported_media_type: { title: "Wrong type", why: "the body was not application/json" },
  internal: { title: "Internal", why: "the gateway failed", help: "Its log says why." },
};

export function refusal(code) {
  return REFUSALS[code] ?? { title: code || "Unknown", why: code || "for a cause that it didn't tell" };
}

const ENDS = {
  stopped: "stopped by its player or its family",
  expired: "silent for too long",
  replaced: "given up for another stream",
  displaced: "silent, and its place was needed",
  terminated: "ended by an operator",
};

/** What kind of thing an event is, for its colour: new, end, bad, act, or plain. */
const KINDS = {
  started: "new", revived: "new", adopted: "new",
  stopped: "end", expired: "end", replaced: "end", displaced: "end",
  denied: "bad", would_deny: "bad",
  terminated: "act", blocked: "act", unblocked: "act", limits_changed: "act", drain_started: "act", drain_ended: "act",
  gap: "bad",
};

export const EVENT_TYPES = Object.keys(KINDS).filter((type) => type !== "gap");

export function kindOf(type) {
  return KINDS[type] ?? "plain";
}

export function typeWord(type) {
  return type.replaceAll("_", " ");
}

function because(event) {
  return event.cause && event.cause !== event.type ? `: ${event.cause}` : "";
}

function byOperator(event) {
  return event.by ? `operator ${event.by}` : "an operator";
}

function lasted(event) {
  return event.duration >= 0 ? ` after ${duration(event.duration)}` : "";
}

const DETAILS = {
  started: () => "",
  revived: () => "came back after a silence",
  adopted: () => "taken over from the time when Redis was away",
  stopped: (event) => lasted(event).trim(),
  expired: (event) => `silent for too long, gone${lasted(event)}`,
  replaced: (event) => `gave way${event.by ? ` to ${event.by}` : " to another stream"}${lasted(event)}`,
  displaced: (event) => `was silent, and gave way${event.by ? ` to ${event.by}` : ""}${lasted(event)}`,
  terminated: (event) => `by ${byOperator(event)}${lasted(event)}${because(event)}`,
  denied: (event) => refusal(event.cause).why,
  would_deny: (event) => `let in, since limits aren't enforced: ${refusal(event.cause).why}`,
  blocked: (event) => `by ${byOperator(event)}${because(event)}`,
  unblocked: (event) => `by ${byOperator(event)}${because(event)}`,
  limits_changed: (event) => `by ${byOperator(event)}${because(event)}`,
  drain_started: (event) => `a gateway takes no new sessions, by ${byOperator(event)}${because(event)}`,
  drain_ended: (event) => `a gateway takes new sessions again, by ${byOperator(event)}${because(event)}`,
  gap: () => "some events are missing here: there were more than the gateway keeps",
};

/** What an event's type doesn't say: how and why it came about; or "". */
export function eventDetail(event) {
  return DETAILS[event.type]?.(event) ?? because(event).replace(/^: /, "");
}

export function endSentence(reason) {
  return ENDS[reason] ?? reason;
}

/** States of the store that an operator must know of: what they mean, and what to do. */
export const OUTAGES = {
  fallback: {
    level: "warn",
    title: "Redis is away: this gateway serves from its embedded store.",
    means: "Viewers go on watching and new ones are let in, by the same limits. Each gateway counts for itself, so a "
      + "family may reach its limit once on each of them. The lists here show what this gateway has seen. One stream can "
      + "be ended; ending all of a family's, blocks and limits have to wait.",
    help: "Look whether Redis runs and can be reached; the gateway's log names the cause in its line on Redis. Nothing "
      + "has to be restarted: when Redis is back, it is told of the streams that ended, and of those that were let in.",
  },
  deny: {
    level: "bad",
    title: "The store of sessions is away, and until it is back this gateway refuses.",
    means: "New streams, heartbeats and segments get 503. Players that have video in their buffer go on for a while. "
      + "Nothing can be looked up or changed here.",
    help: "At a gateway's start this may last a moment. Else bring Redis back; the gateway's log names the cause in its line "
      + "on Redis. The setting redis.on_outage is deny: with fallback viewers would go on watching.",
  },
  allow: {
    level: "warn",
    title: "Redis is away: everybody is let in, uncounted, since redis.on_outage is allow.",
    means: "No limit holds until Redis is back, and nothing can be looked up or changed here.",
    help: "Bring Redis back; the gateway's log names the cause in its line on Redis.",
  },
  returning: {
    level: "note",
    title: "Redis is back, and is being told what happened meanwhile.",
    means: "This takes some seconds. Numbers may still grow.",
    help: "There is nothing to do.",
  },
};
