/**
 * Suites that run side by side: most of their time is waiting for a server to start or for time to pass.
 */
import { describe } from "node:test";

/** Groups suites that have nothing to do with one another and may run at the same time. */
export function sideBySide(title: string, define: () => void): void {
  describe(title, { concurrency: 3 }, define);
}

/** A suite within `sideBySide`: its tests run one after the other. */
export function suite(title: string, define: () => void): void {
  describe(title, { concurrency: 1 }, define);
}
