/**
 * Freezes what is kept and given out many times: no route may change what the next one sees.
 *
 * Guarantees that nothing in the value can be changed, at any depth. For JSON only: it calls itself once per level.
 */
export function frozen<Value>(value: Value): Value {
  if (typeof value !== "object" || value === null || Object.isFrozen(value)) return value;
  for (const member of Object.values(value)) frozen(member);
  return Object.freeze(value);
}
