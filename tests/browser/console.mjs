// All tests of the console, one after the other: they share a gateway, and one of them takes its Redis away.
import "./test_files.mjs";
import "./test_sse.mjs";
import "./test_sign_in.mjs";
import "./test_watching.mjs";
import "./test_acting.mjs";
import "./test_live.mjs";
import "./test_access.mjs";
import "./test_outage.mjs";
