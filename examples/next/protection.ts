/**
 * Which tokens programs need for /api/v1: those that the provider of ACME_ISSUER made for this API. As a function, it is read with
 * the first request and not while Next builds.
 */
import { protectResource } from "@valetkey/resource/next";

export const { requireOAuth, metadata } = protectResource(() => ({
  issuer: process.env.ACME_ISSUER ?? "http://localhost:4000",
  audience: `http://localhost:${process.env.PORT ?? 3000}/api/v1`,
  metadata: { scopes_supported: ["photos:read"] },
}));
