// Follows the gateway's live feed. It is read by fetch, which can send the token in a header: EventSource can't.
//
// A connection that ends, or is silent for longer than its signs of life are apart, is opened again behind the
// event that came last (Last-Event-ID), so that nothing is missed. What comes twice then is told once.

import { open, path, withQuery } from "./console_api.js";
import { sseReader } from "./console_sse.js";

const SILENCE_MS = 40000; // a comment comes every 15 s
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 10000;
const REMEMBERED_MAX = 20000;

function wait(ms, signal) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", () => { clearTimeout(timer); resolve(); }, { once: true });
  });
}

/** Whether an event is new; ids are of a partition each, so they alone don't tell two events apart. */
function newMemory() {
  const seen = new Set();
  return (event) => {
    if (event.id === undefined) return true;
    const key = `${event.id} ${event.type} ${event.familyId} ${event.sessionId}`;
    if (seen.has(key)) return false;
    seen.add(key);
    if (seen.size > REMEMBERED_MAX) seen.delete(seen.values().next().value);
    return true;
  };
}

/** Reads one connection to its end. */
async function read(response, silence, onPiece) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  for (;;) {
    silence.postpone();
    const { done, value } = await reader.read();
    if (done) return;
    onPiece(value);
  }
}

/** Calls off a connection where nothing came for too long. */
function silenceOf(controller) {
  let timer = 0;
  return {
    postpone() {
      clearTimeout(timer);
      timer = setTimeout(() => controller.abort(), SILENCE_MS);
    },
    end() { clearTimeout(timer); },
  };
}

/**
 * Follows the feed until the signal. filter: {family, device, user, media, type}, each optional. onEvent gets each
 * entry, and {type: "gap"} where some are lost; onState "connecting", "live", or "waiting" with the Refusal that made it wait. With
 * `sinceMs` it begins with what has happened since then.
 */
export async function follow({ filter, sinceMs, onEvent, onState, signal }) {
  const begin = sinceMs === undefined ? "" : `${sinceMs}-0`;
  let last = begin;
  let pause = FIRST_PAUSE_MS;
  const isNew = newMemory();
  while (!signal.aborted) {
    const controller = new AbortController();
    const silence = silenceOf(controller);
    const give = () => controller.abort();
    signal.addEventListener("abort", give);
    let refusal;
    try {
      onState?.("connecting");
      silence.postpone();
      const response = await open("GET", withQuery(path("events"), filter), {
        signal: controller.signal,
        headers: { Accept: "text/event-stream", ...(last ? { "Last-Event-ID": last } : {}) },
      });
      onState?.("live");
      pause = FIRST_PAUSE_MS;
      await read(response, silence, sseReader((event) => {
        if (event.id) last = event.id;
        if (event.type === "store") return; // told by the banners
        // What was before the feed began to be kept is no gap to one who asked by the time.
        if (event.type === "gap" && last === begin) return;
        const entry = { ...JSON.parse(event.data), type: event.type };
        if (isNew(entry)) onEvent(entry);
      }));
    } catch (error) {
      refusal = error;
    } finally {
      silence.end();
      signal.removeEventListener("abort", give);
    }
    if (signal.aborted) return;
    onState?.("waiting", refusal);
    await wait(refusal?.retryAfter ? refusal.retryAfter * 1000 : pause, signal);
    pause = Math.min(pause * 2, LONGEST_PAUSE_MS);
  }
}
