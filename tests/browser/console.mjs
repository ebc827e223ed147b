// All tests of the console, one after the other: they share a gateway, and some of them take its Redis away.
import { STORE } from "./support/settings.mjs";

// Where a gateway refuses while Redis is away, only that is another.
const suites = STORE === "deny" ? ["outage"] : ["files", "sse", "sign_in", "watching", "acting", "live", "access", "outage"];
for (const suite of suites) await import(`./test_${suite}.mjs`);
