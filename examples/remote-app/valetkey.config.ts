/** The provider as the example needs it: one client, with the two addresses its two ways come back to. */
import { defineConfig } from "valetkey/config";

const app = process.env.EXAMPLE_APP_URL ?? "http://localhost:4006";

export default defineConfig({
  clients: [
    {
      client_id: "remote-app",
      // Made anew by start.ts at each start and handed to both sides, so there is no secret in the repository.
      client_secret: process.env.EXAMPLE_APP_SECRET,
      client_name: "Remote app",
      client_uri: app,
      redirect_uris: [`${app}/auth/callback/remote`, `${app}/by-hand/callback`],
      grant_types: ["authorization_code", "refresh_token"],
    },
  ],
  // Short, so that you can watch the app go on after a token has expired.
  lifetimes: { access: Number(process.env.EXAMPLE_ACCESS_SECONDS ?? 60) },
});
