/**
 * The log when none is given: it says nothing. Fields first, then a sentence; never secrets, codes or tokens.
 */
import type { Log } from "./op.ts";

const nothing = () => {};

/** Drops everything. */
export const silentLog: Log = { debug: nothing, info: nothing, warn: nothing, error: nothing };
