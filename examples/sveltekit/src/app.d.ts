import type { SignedLocals } from "@valetkey/client/sveltekit";

declare global {
  namespace App {
    interface Locals extends SignedLocals {}
  }
}
