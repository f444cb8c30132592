/** Calls the API for the person. Has the permission ended, they sign in again and come back: `fetch` sees to it. */
import { api, requireUser } from "../../auth.ts";
import { Person } from "../person.tsx";

export default async function Call() {
  const auth = await requireUser({ returnTo: "/call" });
  const answer = await auth.fetch("acme", api);
  return <Person user={auth.user} answer={await answer.json()} />;
}
