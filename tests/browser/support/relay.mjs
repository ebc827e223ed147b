// A relay before the admin listener, whose connections can be cut: to the console it is the gateway.
import { connect, createServer } from "node:net";

import { ADMIN } from "./settings.mjs";

/** Starts one: {address, cut(), refuse(on), end()}. */
export async function newRelay() {
  const sockets = new Set();
  const { hostname, port } = new URL(ADMIN);
  let refusing = false;
  const server = createServer((near) => {
    if (refusing) {
      near.destroy();
      return;
    }
    const far = connect(Number(port), hostname);
    for (const [one, other] of [[near, far], [far, near]]) {
      sockets.add(one);
      one.pipe(other);
      one.on("error", () => other.destroy());
      one.on("close", () => {
        sockets.delete(one);
        other.destroy();
      });
    }
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const cut = () => sockets.forEach((socket) => socket.destroy());
  return {
    address: `http://127.0.0.1:${server.address().port}`,
    cut,
    refuse(on) {
      refusing = on;
      if (on) cut();
    },
    end() {
      cut();
      server.close();
    },
  };
}
