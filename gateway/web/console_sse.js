// Reads server-sent events out of text that comes in pieces, as the HTML standard says.

/**
 * A reader: give it each piece. onEvent gets {id, type, data} for every event; id is the last one that was sent,
 * with this event or before.
 */
export function sseReader(onEvent) {
  let rest = "";
  let id = "";
  let type = "";
  let data = [];

  function line(text) {
    if (text === "") {
      if (data.length > 0) onEvent({ id, type: type || "message", data: data.join("\n") });
      type = "";
      data = [];
      return;
    }
    const colon = text.indexOf(":");
    if (colon === 0) return; // a comment: a sign of life
    const name = colon < 0 ? text : text.slice(0, colon);
    const value = colon < 0 ? "" : text.slice(colon + 1).replace(/^ /, "");
    if (name === "id") id = value;
    else if (name === "event") type = value;
    else if (name === "data") data.push(value);
  }

  return (piece) => {
    rest += piece;
    // A CR at the end may be the first half of CRLF: it waits for the next piece.
    for (let end = rest.search(/\r\n|\n|\r(?!$)/); end >= 0; end = rest.search(/\r\n|\n|\r(?!$)/)) {
      const text = rest.slice(0, end);
      rest = rest.slice(end + (rest.startsWith("\r\n", end) ? 2 : 1));
      line(text);
    }
  };
}
