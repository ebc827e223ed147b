// The reader of server-sent events, without a browser.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

const source = readFileSync(new URL("../../gateway/web/console_sse.js", import.meta.url), "base64");
const { sseReader } = await import(`data:text/javascript;base64,${source}`);

const TEXT = "retry: 5\r\n: a comment\r\n\r\nid: 1-0\r\nevent: started\r\ndata: {\r\ndata: }\r\n\r\n"
  + "data:x\n\nevent: none\n\nid\rdata: é\r\r";
const EVENTS = [
  { id: "1-0", type: "started", data: "{\n}" },
  { id: "1-0", type: "message", data: "x" },
  { id: "", type: "message", data: "é" },
];

function read(pieces) {
  const events = [];
  const push = sseReader((event) => events.push(event));
  pieces.forEach(push);
  return events;
}

test("reads_events_however_their_text_is_cut_into_pieces", () => {
  // The last line end could still be half of one, until something follows.
  for (let size = 1; size <= TEXT.length; size += 1) {
    const pieces = [];
    for (let at = 0; at < TEXT.length; at += size) pieces.push(TEXT.slice(at, at + size));
    assert.deepEqual(read([...pieces, ":"]), EVENTS, `pieces of ${size}`);
  }
});

test("an_event_that_is_not_ended_is_none", () => {
  assert.deepEqual(read(["data: x\n"]), []);
});
