/** For who is signed in; others sign in and come back. */
import { requireUser } from "../../auth.ts";
import { Person } from "../person.tsx";

export default async function Me() {
  const auth = await requireUser({ returnTo: "/me" });
  return <Person user={auth.user} />;
}
