/**
 * Types of the class that rate-limiter-flexible's own stores extend: the package has it, but neither exports it from its
 * entry point nor types its abstract methods.
 */
declare module "rate-limiter-flexible/lib/RateLimiterStoreAbstract.js" {
  import { type RateLimiterAbstract, RateLimiterInsuredAbstract, type RateLimiterRes } from "rate-limiter-flexible";

  abstract class RateLimiterStoreAbstract<Result> extends RateLimiterInsuredAbstract {
    constructor(options: {
      keyPrefix: string;
      points: number;
      /** Seconds. */
      duration: number;
      insuranceLimiter?: RateLimiterAbstract;
    });
    protected abstract _get(key: string): Promise<Result | null>;
    protected abstract _delete(key: string): Promise<boolean>;
    protected abstract _upsert(key: string, points: number, milliseconds: number, anew: boolean): Promise<Result>;
    protected abstract _getRateLimiterRes(key: string, changed: number, result: Result): RateLimiterRes;
  }
  export default RateLimiterStoreAbstract;
}
