/**
 * Every provider there is a preset for.
 *
 * The one file that gathers others: an application names its providers in one import, and bundlers leave out the rest.
 *
 * @example import { github, google } from "@valetkey/client/providers";
 */
export * from "./providers/apple.ts";
export * from "./providers/business.ts";
export * from "./providers/chat.ts";
export * from "./providers/code.ts";
export * from "./providers/commons.ts";
export * from "./providers/creators.ts";
export * from "./providers/documents.ts";
export * from "./providers/games.ts";
export * from "./providers/github.ts";
export * from "./providers/google.ts";
export * from "./providers/health.ts";
export * from "./providers/hosting.ts";
export * from "./providers/identity-servers.ts";
export * from "./providers/korea-japan.ts";
export * from "./providers/linkedin.ts";
export * from "./providers/meta.ts";
export * from "./providers/microsoft.ts";
export * from "./providers/payments.ts";
export * from "./providers/portals.ts";
export * from "./providers/projects.ts";
export * from "./providers/russia.ts";
export * from "./providers/shops.ts";
export * from "./providers/social.ts";
export * from "./providers/storage.ts";
export * from "./providers/streaming.ts";
export * from "./providers/x.ts";
