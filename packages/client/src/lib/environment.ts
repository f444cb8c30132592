/** Variables of the environment, where the runtime has them. */

/** Reads a variable; one that is empty counts as not set. Not every runtime has process: where it is missing nothing is set. */
export function environment(name: string): string | undefined {
  const { process } = globalThis as { process?: { env?: Record<string, string | undefined> } };
  return process?.env?.[name] || undefined;
}
