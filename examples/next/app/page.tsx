/** For everybody. */
import { auth } from "../auth.ts";
import { Person } from "./person.tsx";

export default async function Home() {
  return <Person user={(await auth())?.user} />;
}
