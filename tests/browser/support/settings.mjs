// What run.sh tells the tests: where the gateway is, and where things may be put.
import { createRequire } from "node:module";

export const STORE = process.env.TEST_STORE; // memory, redis, or deny: Redis, whose absence is a refusal
export const PLAYER = process.env.TEST_PLAYER; // address of the player listener
export const ADMIN = process.env.TEST_ADMIN; // address of the admin listener
export const TOKEN = process.env.TEST_TOKEN; // an admin token
export const REDIS_PID = Number(process.env.TEST_REDIS_PID); // of the store redis
export const FOLDER = process.env.TEST_FOLDER; // node_modules are there, screenshots go there
export const WORK = process.env.TEST_WORK; // goes away with the tests

/** Modules are in the build's folder, where an import wouldn't find them. */
export const require = createRequire(`${FOLDER}/`);
