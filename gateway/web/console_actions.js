// What an operator does: each asks first, then calls, then says what came of it.

import { call, path, withQuery } from "./console_api.js";
import { ask, choice, field } from "./console_dialog.js";
import { announce, h } from "./console_dom.js";
import { count } from "./console_time.js";

const HOUR = 3600;
const DAY = 24 * HOUR;

function reasonFields() {
  return {
    reason: field("Reason", h("input", { maxlength: 128, autocomplete: "off" }),
      "For your colleagues: it goes into the log and the events."),
    message: field("Message to the viewer", h("input", { maxlength: 256, autocomplete: "off" }),
      "The app shows it, if it shows such messages."),
  };
}

function valueOf({ input }) {
  return input.value.trim();
}

/** "Blue Planet" on Kitchen TV */
export function streamName(session) {
  return `“${session.mediaTitle || session.mediaId}” on ${session.deviceName || session.deviceId}`;
}

/** Ends one stream. */
export function endStream(session, done) {
  const { reason, message } = reasonFields();
  ask({
    title: "End this stream?",
    text: `${session.userId} watches ${streamName(session)}. The player is refused with its next segment.`,
    fields: [reason, message],
    confirm: "End the stream",
    danger: true,
    async work() {
      const where = withQuery(path("sessions", session.sessionId), { reason: valueOf(reason), message: valueOf(message) });
      const { terminated } = await call("DELETE", where);
      announce(terminated > 0 ? `The stream ${streamName(session)} is ended.` : "The stream had ended before.");
      done();
    },
  });
}

/** Ends all streams of a family or a device (kind "families" or "devices"), and blocks new ones if wanted. */
export function endAll(kind, id, active, done) {
  const { reason, message } = reasonFields();
  const block = field("New streams",
    choice(["", "may start again at once"], [300, "are refused for 5 minutes"], [HOUR, "are refused for an hour"],
      [DAY, "are refused for a day"], [30 * DAY, "are refused for 30 days"]));
  ask({
    title: active > 0 ? `End ${count(active, "stream")} of ${id}?` : `End all streams of ${id}?`,
    text: "Their players are refused with their next segment. An app may start a new stream by itself, unless new streams are refused.",
    fields: [block, reason, message],
    confirm: active > 0 ? `End ${count(active, "stream")}` : "End all streams",
    danger: true,
    async work() {
      const where = withQuery(path(kind, id, "sessions"), {
        reason: valueOf(reason),
        message: valueOf(message),
        block: block.input.value,
      });
      const { terminated } = await call("DELETE", where);
      announce(`${count(terminated, "stream")} of ${id} ended${block.input.value ? "; new ones are refused" : ""}.`);
      done();
    },
  });
}

/** Lets a family or device start streams again. */
export function liftBlock(kind, id, done) {
  const { reason } = reasonFields();
  ask({
    title: `Let ${id} start streams again?`,
    text: "Lifting a block is ending all streams without a new block: should one run nevertheless, it ends.",
    fields: [reason],
    confirm: "Lift the block",
    async work() {
      await call("DELETE", withQuery(path(kind, id, "sessions"), { reason: valueOf(reason), block: "0" }));
      announce(`${id} may start streams again.`);
      done();
    },
  });
}

/** A field for a limit. That of the settings is only hinted at: what stays in the field becomes an override. */
function limitField(label, value, overridden) {
  const input = h("input", { type: "number", min: 0, max: 100000, step: 1, inputmode: "numeric" });
  if (overridden) input.value = value ?? 0;
  else input.placeholder = value === null ? "no limit" : value;
  return field(label, input);
}

/** Changes a family's limits for a while, or until they are changed again. limits: those in force. */
export function changeLimits(family, limits, done) {
  const overridden = limits.source === "override";
  const ofFamily = limitField("Streams of the family", limits.family, overridden);
  const ofDevice = limitField("Streams on one device", limits.device, overridden);
  const { reason } = reasonFields();
  const expires = field("For how long",
    choice(["", "until it is changed again"], [HOUR, "an hour"], [DAY, "a day"], [7 * DAY, "a week"],
      [30 * DAY, "30 days"]));
  ask({
    title: `Limits of ${family}`,
    text: "0 is no limit; an empty field stays with the settings. Streams that run go on, also above a lower limit.",
    fields: [ofFamily, ofDevice, expires, reason],
    confirm: overridden ? "Change the override" : "Override the limits",
    async work() {
      const body = {};
      if (ofFamily.input.value !== "") body.family = ofFamily.input.valueAsNumber;
      if (ofDevice.input.value !== "") body.device = ofDevice.input.valueAsNumber;
      if (Object.keys(body).length === 0) {
        throw new Error("Say at least one of the two limits. To go back to the settings, remove the override.");
      }
      if (expires.input.value !== "") body.expiresIn = Number(expires.input.value);
      await call("PUT", withQuery(path("families", family, "limits"), { reason: valueOf(reason) }), { body });
      announce(`The limits of ${family} are changed; they count from the next stream on.`);
      done();
    },
  });
}

/** Puts a family's limits back to the settings'. */
export function removeOverride(family, done) {
  const { reason } = reasonFields();
  ask({
    title: `Back to the settings' limits for ${family}?`,
    text: "Streams that run go on.",
    fields: [reason],
    confirm: "Remove the override",
    async work() {
      await call("DELETE", withQuery(path("families", family, "limits"), { reason: valueOf(reason) }));
      announce(`${family} has the settings' limits again.`);
      done();
    },
  });
}

/** Makes the gateway take no new sessions (on), or take them again. */
export function drain(on, done) {
  const { reason } = reasonFields();
  ask({
    title: on ? "Drain this gateway?" : "Take new sessions again?",
    text: on
      ? "/readyz turns to 503, so that balancers look elsewhere, and new sessions are refused with 503. Streams that run go on."
      : "/readyz turns to 200, and new sessions are let in.",
    fields: [reason],
    confirm: on ? "Start draining" : "Stop draining",
    danger: on,
    async work() {
      await call(on ? "POST" : "DELETE", withQuery(path("drain"), { reason: valueOf(reason) }));
      announce(on ? "This gateway takes no new sessions." : "This gateway takes new sessions again.");
      done();
    },
  });
}
